/* What the kernel tells of a thread of this process. */
#ifndef GILSCOPE_LEDGER_THREADS_H
#define GILSCOPE_LEDGER_THREADS_H

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "shared/clock.h"

/* Time on a CPU and time queued for one, in ns; below 0 where the kernel does not tell. */
typedef struct {
    int64_t cpu_ns, run_delay_ns;
} kernel_counts;

/* Read a file of a thread's into text; return how much. Some 4 us. */
static ssize_t
thread_file(pid_t native_id, const char *name, char *text, size_t room)
{
    char path[64];
    const int errno_before = errno; /* whoever drops the GIL may look at it only then */
    snprintf(path, sizeof(path), "/proc/self/task/%d/%s", (int)native_id, name);
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    const ssize_t n = file < 0 ? -1 : read(file, text, room - 1);
    if (file >= 0) {
        close(file);
    }
    errno = errno_before;
    text[n < 0 ? 0 : n] = '\0';
    return n;
}

static int64_t
run_delay_of(pid_t native_id)
{
    char text[96];
    thread_file(native_id, "schedstat", text, sizeof(text));
    const char *second = strchr(text, ' ');
    return second == NULL ? -1 : (int64_t)strtoull(second, NULL, 10);
}

/* When a thread began, in 10 ms since the machine did; 0 where the kernel does not tell. With its id this tells it from
 * any other thread: no id comes round again so soon. */
static uint64_t
start_of(pid_t native_id)
{
    char text[1024];
    thread_file(native_id, "stat", text, sizeof(text));
    const char *at = strrchr(text, ')'); /* the end of its name, which may hold anything */
    for (int field = 3; at != NULL && field <= 22; field++) {
        at = strchr(at + 1, ' ');
    }
    return at == NULL ? 0 : strtoull(at, NULL, 10);
}

/* The CPU clock of a thread of this process; a clock of Linux, encoded as its kernel and every libc there do. */
static inline clockid_t
cpu_clock_of(pid_t native_id)
{
    return (clockid_t)((~(unsigned)native_id << 3) | 6); /* 4: of a thread; 2: its time on a CPU, from the scheduler */
}

static kernel_counts
kernel_counts_of(pid_t native_id)
{
    const uint64_t cpu_ns = clock_ns(cpu_clock_of(native_id));
    return (kernel_counts){cpu_ns == 0 ? -1 : (int64_t)cpu_ns, run_delay_of(native_id)};
}

#endif
