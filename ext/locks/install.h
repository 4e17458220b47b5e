/* Putting the hooks in place and taking them away again. */
#ifndef GILSCOPE_LOCKS_INSTALL_H
#define GILSCOPE_LOCKS_INSTALL_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <pthread.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "shared/import_slots.h"
#include "hooks.h"

static struct {
    int n_users;
    int prepared;
    slot slots[12];
    int n;
    char unavailable[160];
} installed;

/* A function of the C library, what stands for it, and where the hook finds it. */
static const struct {
    const char *name;
    void *hook;
    void **real;
} hooked[] = {
    {"sem_wait", (void *)hook_wait, (void **)&real_wait},
    {"sem_timedwait", (void *)hook_timedwait, (void **)&real_timedwait},
    {"sem_clockwait", (void *)hook_clockwait, (void **)&real_clockwait},
};

/* Find the slots of the interpreter, which nobody can unload; it need not have all of them. */
static int
find_slots(struct dl_phdr_info *info, size_t Py_UNUSED(size), void *Py_UNUSED(data))
{
    if (!holds(info, (uintptr_t)PyEval_SaveThread)) {
        return 0;
    }
    const object interpreter = object_of(info);
    const int room = (int)(sizeof(installed.slots) / sizeof(installed.slots[0]));
    for (size_t i = 0; i < sizeof(hooked) / sizeof(hooked[0]); i++) {
        *hooked[i].real = dlsym(RTLD_DEFAULT, hooked[i].name);
        const int n = slots_find(&interpreter, hooked[i].name, installed.slots + installed.n, room - installed.n);
        for (int j = 0; j < n && *hooked[i].real != NULL && installed.n < room; j++) {
            installed.slots[installed.n++].hook = hooked[i].hook;
        }
    }
    return 1;
}

/* Only the calling thread is left, and goes on under another id. */
static void
locks_after_fork(void)
{
    pthread_mutex_init(&locks_mutex, NULL);
    for (waits *one = locks.first; one != NULL; one = one->next) {
        if (one == my_waits) {
            one->native_id = (pid_t)syscall(SYS_gettid);
        }
        else {
            one->dead = 1;
            one->since_ns = 0;
        }
    }
}

/* With the mutex locked. Return 0, or -1 with the reason in installed.unavailable. */
static int
locks_prepare(void)
{
    if (installed.prepared) {
        return installed.unavailable[0] ? -1 : 0;
    }
    installed.prepared = 1;
    const char *why = "";
    if (!keep_loaded((void *)hook_wait)) {
        why = "its own module cannot be kept loaded";
    }
    else if (pthread_key_create(&waits_key, waits_close) != 0 || pthread_atfork(NULL, NULL, locks_after_fork) != 0) {
        why = "no thread-local key or fork handler is left";
    }
    else if (!loader_visit(find_slots, NULL) || installed.n == 0) {
        why = "the interpreter has no import slots for semaphores";
    }
    strcpy(installed.unavailable, why);
    return why[0] ? -1 : 0;
}

/* Every success needs one locks_off. Return 0, or -1 with the reason in installed.unavailable. */
static int
locks_on(void)
{
    pthread_mutex_lock(&locks_mutex);
    int result = locks_prepare();
    if (result == 0 && installed.n_users == 0) {
        waits_reap();
        for (int i = 0; i < installed.n; i++) {
            if (slot_hook(&installed.slots[i]) < 0) {
                while (--i >= 0) {
                    slot_unhook(&installed.slots[i]);
                }
                strcpy(installed.unavailable, "the interpreter's import slots are read-only");
                result = -1;
                break;
            }
        }
    }
    installed.n_users += result == 0;
    pthread_mutex_unlock(&locks_mutex);
    return result;
}

static void
locks_off(void)
{
    pthread_mutex_lock(&locks_mutex);
    installed.n_users--;
    for (int i = 0; installed.n_users == 0 && i < installed.n; i++) {
        slot_unhook(&installed.slots[i]);
    }
    pthread_mutex_unlock(&locks_mutex);
}

#endif
