/* What the books say at one moment, in memory of its own: nothing of Python is made meanwhile, so nobody comes between.
 */
#ifndef GILSCOPE_LEDGER_COPY_H
#define GILSCOPE_LEDGER_COPY_H

#include "install.h"

/* An account and the places in use of its table, as they were at one moment. */
typedef struct {
    account account;
    site *sites;
    size_t n_sites;
    site *at; /* of these */
    kernel_counts counts;
} account_copy;

typedef struct {
    int n_owners; /* the last one frees it */
    uint64_t ticks, n_events, n_unseen, n_siteless, n_stolen;
    account_copy *accounts;
    size_t n_accounts;
    site *sites;            /* of all accounts */
    thread_before *threads; /* that were there without an account, where that was asked for */
    size_t n_threads;
} books_copy;

/* Slots that were no longer the ledger's when it was turned off. */
static uint64_t
n_stolen(void)
{
    return installed.n_stolen + imports.n_stolen;
}

static void
books_free(books_copy *one)
{
    if (one != NULL && --one->n_owners == 0) {
        free(one->accounts);
        free(one->sites);
        free(one->threads);
        free(one);
    }
}

/* Copy an account, and let its longest times begin anew if asked to; `sites` has room for all of its places. */
static account_copy
account_read(account *from, int restart_longest, site *sites)
{
    account_copy copy = {.sites = sites};
    pthread_mutex_lock(&books_mutex);
    copy.account = *from;
    for (size_t i = 0; from->n_sites > 0 && i < (size_t)1 << from->sites_bits; i++) {
        site *const one = &from->sites[i];
        if (one->address != NULL) {
            copy.at = one == from->at ? &sites[copy.n_sites] : copy.at;
            sites[copy.n_sites++] = *one;
            one->released.longest = restart_longest ? 0 : one->released.longest;
        }
    }
    if (restart_longest) {
        from->longest_hold = from->longest_wait = from->longest_answer = from->released.longest = 0;
    }
    pthread_mutex_unlock(&books_mutex);
    if (copy.account.epoch == books.epoch) { /* of others nobody asks */
        copy.counts = copy.account.dead ? copy.account.at_end : kernel_counts_of(copy.account.native_id);
    }
    return copy;
}

/* Copy every account of this installation; NULL where there is no memory. With the GIL none is freed meanwhile, and no
 * table of places grows. */
static books_copy *
books_read(int restart_longest)
{
    size_t n = 0, n_sites = 0;
    pthread_mutex_lock(&books_mutex);
    account *const first = books.first; /* others are added in front of it */
    pthread_mutex_unlock(&books_mutex);
    for (const account *one = first; one != NULL; one = one->next, n++) {
        n_sites += one->sites == NULL ? 0 : (size_t)1 << one->sites_bits;
    }
    books_copy *const copy = calloc(1, sizeof(*copy));
    if (copy == NULL) {
        return NULL;
    }
    *copy = (books_copy){.n_owners = 1,
                         .ticks = ticks(),
                         .n_events = __atomic_load_n(&ring.written, __ATOMIC_RELAXED),
                         .n_unseen = __atomic_load_n(&books.n_unseen, __ATOMIC_RELAXED),
                         .n_siteless = books.n_siteless,
                         .n_stolen = n_stolen(),
                         .accounts = malloc((n + 1) * sizeof(account_copy)),
                         .sites = malloc((n_sites + 1) * sizeof(site))};
    if (copy->accounts == NULL || copy->sites == NULL) {
        books_free(copy);
        return NULL;
    }
    n_sites = 0;
    for (account *one = first; one != NULL; one = one->next) {
        const account_copy here = account_read(one, restart_longest, copy->sites + n_sites);
        if (here.account.epoch == books.epoch) {
            copy->accounts[copy->n_accounts++] = here;
            n_sites += here.n_sites;
        }
    }
    return copy;
}

#endif
