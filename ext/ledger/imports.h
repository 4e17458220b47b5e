/* The slots through which loaded objects release the GIL and take it back: found, hooked and given back.
 *
 * A library may be unloaded while its slots are hooked, and anything else be mapped where it was. So a slot is read and
 * written only while the loader tells of the object that it lies in (dl_iterate_phdr), for meanwhile nothing is
 * unloaded; and only where it holds what it should: a hook of ours, or the function that the object asked for. Every
 * function here needs the GIL, which is its lock.
 */
#ifndef GILSCOPE_LEDGER_IMPORTS_H
#define GILSCOPE_LEDGER_IMPORTS_H

#include <stdlib.h>

#include "shared/import_slots.h"
#include "hooks.h"

typedef struct {
    const char *function;
    void *hook;
    void *real;
} hooked_function;

/* What extensions release and take the GIL by. The second tells no place; it reads the CPU clock before the take. */
#define N_IMPORTS 2

static const hooked_function import_hooks[N_IMPORTS] = {
    {"PyEval_SaveThread", (void *)hook_save_thread, (void *)PyEval_SaveThread},
    {"PyEval_RestoreThread", (void *)hook_restore_thread, (void *)PyEval_RestoreThread},
};

static struct {
    slot *slots; /* all of them hooked while the ledger is on, none else */
    int n, room, on;
    unsigned long long n_loaded, n_unloaded; /* the loader's counts when slots were last looked for */
    uint64_t n_stolen;                       /* slots that were no longer ours when they were given back */
} imports;

/* Whether this is what the loader puts into a slot of an object: the function, or the object's own way to it, as long
 * as that was not called. While the object is being loaded by another thread it may be neither. */
static int
is_as_loaded(const struct dl_phdr_info *info, const hooked_function *which, void *value)
{
    return value == which->real || holds(info, (uintptr_t)value);
}

static const hooked_function *
function_of(const slot *one)
{
    const hooked_function *which = import_hooks;
    while (which->hook != one->hook) {
        which++;
    }
    return which;
}

/* Hook a slot of an object; -1 where that cannot be. */
static int
import_hook(const struct dl_phdr_info *info, slot *one)
{
    return is_as_loaded(info, function_of(one), slot_value(one)) ? slot_hook(one) : -1;
}

/* Add a slot that was found in an object, or hook it again: the object may have been unloaded, and be there again. A
 * slot that cannot be hooked is none, and what goes through it stays without a place. */
static void
import_add(const struct dl_phdr_info *info, slot found)
{
    for (int i = 0; i < imports.n; i++) {
        if (imports.slots[i].address == found.address) {
            if (slot_value(&found) != found.hook) {
                import_hook(info, &imports.slots[i]); /* or it is somebody else's by now */
            }
            return;
        }
    }
    if (imports.n < imports.room && import_hook(info, &found) == 0) {
        imports.slots[imports.n++] = found;
    }
}

static int
imports_find(struct dl_phdr_info *info, size_t Py_UNUSED(size), void *Py_UNUSED(data))
{
    imports.n_loaded = info->dlpi_adds;
    imports.n_unloaded = info->dlpi_subs;
    if (holds(info, (uintptr_t)hook_save_thread)) {
        return 0; /* the ledger's own releases are not anybody's */
    }
    const object one = object_of(info);
    for (int i = 0; i < N_IMPORTS; i++) {
        slot found[4];
        const int n = slots_find(&one, import_hooks[i].function, found, 4);
        for (int j = 0; j < n && n <= 4; j++) { /* more than any linker makes: without a place, then */
            found[j].hook = import_hooks[i].hook;
            import_add(info, found[j]);
        }
    }
    return 0;
}

/* Do something with each slot that lies in an object, and forget it where that says -1. The slots of which this was
 * done stand in front, `n_done` of them. */
static void
imports_in(const struct dl_phdr_info *info, int (*with)(const struct dl_phdr_info *, slot *), int *n_done)
{
    for (int i = *n_done; i < imports.n; i++) {
        const slot here = imports.slots[i];
        if (holds(info, (uintptr_t)here.address)) {
            const int failed = with(info, &imports.slots[i]) < 0;
            const slot done = imports.slots[i];
            if (failed) {
                imports.slots[i--] = imports.slots[--imports.n];
            }
            else {
                imports.slots[i] = imports.slots[*n_done];
                imports.slots[(*n_done)++] = done;
            }
        }
    }
}

static int
import_is_ours(const struct dl_phdr_info *Py_UNUSED(info), slot *one)
{
    return slot_value(one) == one->hook ? 0 : -1;
}

static int
import_unhook(const struct dl_phdr_info *info, slot *one)
{
    /* Where something was unloaded, another object may be there now; and a thread whose first call through the slot was
     * under way when it was hooked has the loader put the function there, which is nobody's theft. */
    imports.n_stolen += !slot_unhook(one) && info->dlpi_subs == imports.n_unloaded
                        && !is_as_loaded(info, function_of(one), slot_value(one));
    return 0;
}

static int
imports_keep(struct dl_phdr_info *info, size_t Py_UNUSED(size), void *n_done)
{
    imports_in(info, import_is_ours, n_done);
    return 0;
}

static int
imports_unhook(struct dl_phdr_info *info, size_t Py_UNUSED(size), void *n_done)
{
    imports_in(info, import_unhook, n_done);
    return 0;
}

/* Hook the slots that are known, if all that was loaded when they were found still is, and nothing else. */
static int
imports_rehook(struct dl_phdr_info *info, size_t Py_UNUSED(size), void *n_done)
{
    if (info->dlpi_adds != imports.n_loaded || info->dlpi_subs != imports.n_unloaded) {
        return 1;
    }
    imports_in(info, import_hook, n_done);
    return 0;
}

static int
read_counts(struct dl_phdr_info *info, size_t Py_UNUSED(size), void *counts)
{
    ((unsigned long long *)counts)[0] = info->dlpi_adds;
    ((unsigned long long *)counts)[1] = info->dlpi_subs;
    return 1;
}

/* Hook the slots of what was loaded since the last look, and forget those of what was unloaded; nothing while the
 * ledger is off. */
static void
imports_refresh(void)
{
    unsigned long long counts[2] = {0, 0};
    int n_done = 0;
    loader_visit(read_counts, counts);
    if (!imports.on || (counts[0] == imports.n_loaded && counts[1] == imports.n_unloaded)) {
        return;
    }
    slot *const grown = realloc(imports.slots, (size_t)(imports.n + 4096) * sizeof(slot));
    if (grown == NULL) {
        return;
    }
    imports.slots = grown;
    imports.room = imports.n + 4096;
    loader_visit(imports_keep, &n_done);
    imports.n = n_done;
    loader_visit(imports_find, NULL);
}

static void
imports_begin(void)
{
    int n_done = 0;
    imports.on = 1;
    if (imports.room == 0 || loader_visit(imports_rehook, &n_done)) {
        imports.n = 0;
        imports.n_loaded = imports.n_unloaded = 0;
        imports_refresh();
    }
}

static void
imports_end(void)
{
    int n_done = 0;
    loader_visit(imports_unhook, &n_done);
    imports.n = n_done; /* the others were unloaded */
    imports.on = 0;
}

/* Given a slot and NULL, put what the slot holds into the second if it lies in this object. */
static int
import_peek(struct dl_phdr_info *info, size_t Py_UNUSED(size), void *slot_and_value)
{
    void **const both = slot_and_value;
    const slot *const one = both[0];
    if (!holds(info, (uintptr_t)one->address)) {
        return 0;
    }
    both[1] = slot_value(one);
    return 1;
}

#endif
