/* Finding the GIL, twice, without any header of CPython's internals.
 *
 * By behaviour: a thread that releases and takes the GIL signals two condition variables in turn. By content: see
 * shared/gil_record.h. Where the two differ, nothing is hooked.
 */
#ifndef GILSCOPE_LEDGER_GIL_H
#define GILSCOPE_LEDGER_GIL_H

#include "shared/gil_record.h"
#include "hooks.h"

#define N_PAIRS 4

/* Fill gil.cond and gil.switch_cond's candidates from what this thread's own releases signal; 0, or -1 if they do not
 * alternate. The signal slots must be hooked. Releases the GIL N_PAIRS times. */
static int
gil_by_behaviour(void **cond, void **switch_cond)
{
    listening.n = 0;
    listening.on = 1;
    for (int i = 0; i < N_PAIRS; i++) {
        PyEval_RestoreThread(PyEval_SaveThread());
    }
    listening.on = 0;
    if (listening.n != 2 * N_PAIRS) {
        return -1;
    }
    for (int i = 0; i < 2 * N_PAIRS; i++) {
        if (listening.signalled[i] != listening.signalled[i % 2]) {
            return -1;
        }
    }
    *cond = listening.signalled[0];
    *switch_cond = listening.signalled[1];
    return *cond == *switch_cond ? -1 : 0;
}

#endif
