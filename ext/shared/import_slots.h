/* Import slots of loaded ELF objects: where a shared object keeps the address of a function of another one.
 *
 * A call to pthread_cond_signal from libpython goes through such a slot, so whoever writes another address there sees
 * every such call of that object and of no other. Slots of an object that was linked with -z relro are read-only and
 * are made writable for the moment of the change. One thread at a time, please: the caller has a lock for that.
 */
#ifndef GILSCOPE_IMPORT_SLOTS_H
#define GILSCOPE_IMPORT_SLOTS_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <link.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#if defined(__x86_64__)
#define GILSCOPE_JUMP_SLOT R_X86_64_JUMP_SLOT
#define GILSCOPE_GLOB_DAT R_X86_64_GLOB_DAT
#elif defined(__aarch64__)
#define GILSCOPE_JUMP_SLOT R_AARCH64_JUMP_SLOT
#define GILSCOPE_GLOB_DAT R_AARCH64_GLOB_DAT
#endif

typedef struct {
    void **address;
    void *original; /* what stood there before; perhaps the lazy binder's stub */
    void *hook;     /* what stands there instead while it is hooked */
    int read_only;  /* whether it lies in memory that the loader protects once it has relocated it */
} slot;

typedef struct {
    uintptr_t base;
    const ElfW(Dyn) * dynamic;
    uintptr_t relro_begin, relro_end;
    const char *name;
} object;

#define LOADER_ANSWERS_WITHIN_S 1

static int
visit_none(struct dl_phdr_info *Py_UNUSED(info), size_t Py_UNUSED(size), void *Py_UNUSED(data))
{
    return 1;
}

static void *
ask_loader(void *answered)
{
    dl_iterate_phdr(visit_none, NULL);
    sem_post(answered);
    return NULL;
}

/* Whether the loader answers another thread than this one, which need not wait for it for ever. */
static int
loader_answers(void)
{
    pthread_t asking;
    sigset_t all, before;
    struct timespec until;
    sem_t *const answered = malloc(sizeof(*answered));
    if (answered == NULL || sem_init(answered, 0, 0) < 0) {
        return 0;
    }
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before); /* the program's signals are for threads that can run Python */
    const int error = pthread_create(&asking, NULL, ask_loader, answered);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += LOADER_ANSWERS_WITHIN_S;
    int result = error == 0 ? 0 : -1;
    while (error == 0 && (result = sem_timedwait(answered, &until)) < 0 && errno == EINTR) {
    }
    if (result < 0) {
        return 0; /* the semaphore stays for the thread that may still answer */
    }
    pthread_join(asking, NULL);
    sem_destroy(answered);
    free(answered);
    return 1;
}

/* Whether the loader may be asked. In a forked child the lock of dl_iterate_phdr stays locked for ever if another
 * thread of the parent had it, in dlopen or dlclose; so a child asks once, on a thread that may be lost. The caller has
 * a lock, as for all in here. */
static int
loader_is_free(void)
{
    static pid_t asked; /* the process that did; 0 before any, for whoever has just loaded this code was answered */
    static int is_free;
    const pid_t here = getpid();
    if (here != asked) {
        is_free = asked == 0 || loader_answers();
        asked = here;
    }
    return is_free;
}

/* Call dl_iterate_phdr; 0 where the loader may not be asked. */
static int
loader_visit(int (*with)(struct dl_phdr_info *, size_t, void *), void *data)
{
    return loader_is_free() ? dl_iterate_phdr(with, data) : 0;
}

/* Whether an object is where this address lies. */
static int
holds(const struct dl_phdr_info *info, uintptr_t address)
{
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *header = &info->dlpi_phdr[i];
        const uintptr_t begin = info->dlpi_addr + header->p_vaddr;
        if (header->p_type == PT_LOAD && begin <= address && address < begin + header->p_memsz) {
            return 1;
        }
    }
    return 0;
}

/* Never unload the object that this function is in: a thread may be inside a hook when the hook is taken away. Return
 * whether that could be done. */
static int
keep_loaded(void *function)
{
    Dl_info here;
    return dladdr(function, &here) && dlopen(here.dli_fname, RTLD_NOW | RTLD_NOLOAD | RTLD_NODELETE);
}

static object
object_of(const struct dl_phdr_info *info)
{
    object found = {.base = info->dlpi_addr, .name = info->dlpi_name};
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *header = &info->dlpi_phdr[i];
        const uintptr_t begin = found.base + header->p_vaddr;
        if (header->p_type == PT_DYNAMIC) {
            found.dynamic = (const ElfW(Dyn) *)begin;
        }
        else if (header->p_type == PT_GNU_RELRO) {
            found.relro_begin = begin;
            found.relro_end = begin + header->p_memsz;
        }
    }
    return found;
}

/* The loader has made these pointers absolute everywhere but in the kernel's own object, which it does not relocate. */
static uintptr_t
absolute(const object *of, uintptr_t pointer)
{
    return pointer < of->base ? of->base + pointer : pointer;
}

/* Find the slots through which an object calls a function; return how many, at most `room` of them stored. */
static int
slots_find(const object *of, const char *function, slot *slots, int room)
{
    const ElfW(Rela) * tables[2] = {NULL, NULL};
    size_t sizes[2] = {0, 0};
    const ElfW(Sym) *symbols = NULL;
    const char *names = NULL;
    for (const ElfW(Dyn) *entry = of->dynamic; entry && entry->d_tag != DT_NULL; entry++) {
        const uintptr_t pointer = absolute(of, entry->d_un.d_ptr);
        switch (entry->d_tag) {
        case DT_JMPREL:
            tables[0] = (const ElfW(Rela) *)pointer;
            break;
        case DT_PLTRELSZ:
            sizes[0] = entry->d_un.d_val;
            break;
        case DT_RELA:
            tables[1] = (const ElfW(Rela) *)pointer;
            break;
        case DT_RELASZ:
            sizes[1] = entry->d_un.d_val;
            break;
        case DT_SYMTAB:
            symbols = (const ElfW(Sym) *)pointer;
            break;
        case DT_STRTAB:
            names = (const char *)pointer;
            break;
        default:
            break;
        }
    }
    int found = 0;
    for (int table = 0; table < 2 && symbols && names; table++) {
        for (size_t i = 0; tables[table] && i < sizes[table] / sizeof(ElfW(Rela)); i++) {
            const ElfW(Rela) *relocation = &tables[table][i];
            const unsigned long type = ELF64_R_TYPE(relocation->r_info);
            if ((type != GILSCOPE_JUMP_SLOT && type != GILSCOPE_GLOB_DAT)
                || strcmp(names + symbols[ELF64_R_SYM(relocation->r_info)].st_name, function) != 0) {
                continue;
            }
            void **address = (void **)(of->base + relocation->r_offset);
            if (found && found <= room && slots[found - 1].address == address) {
                continue; /* DT_RELA may reach over DT_JMPREL */
            }
            if (found < room) {
                const uintptr_t place = (uintptr_t)address;
                slots[found] =
                    (slot){.address = address, .read_only = of->relro_begin <= place && place < of->relro_end};
            }
            found++;
        }
    }
    return found;
}

static int
slot_protect(const slot *one, int protection)
{
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    const uintptr_t begin = (uintptr_t)one->address & ~(page - 1);
    return one->read_only ? mprotect((void *)begin, page, protection) : 0;
}

static void *
slot_value(const slot *one)
{
    return __atomic_load_n(one->address, __ATOMIC_ACQUIRE);
}

/* Write a slot in one piece: other threads call through it all the while. */
static int
slot_store(const slot *one, void *value)
{
    if (slot_protect(one, PROT_READ | PROT_WRITE) < 0) {
        return -1;
    }
    __atomic_store_n(one->address, value, __ATOMIC_RELEASE);
    return slot_protect(one, PROT_READ);
}

static int
slot_hook(slot *one)
{
    one->original = slot_value(one);
    return slot_store(one, one->hook);
}

/* Put back what was there, unless somebody else has changed the slot since: then it is theirs. Return whether it was
 * still ours. */
static int
slot_unhook(const slot *one)
{
    return slot_value(one) == one->hook && slot_store(one, one->original) == 0;
}

#endif
