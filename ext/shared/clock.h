/* A POSIX clock as one number. */
#ifndef GILSCOPE_CLOCK_H
#define GILSCOPE_CLOCK_H

#include <stdint.h>
#include <time.h>

/* In ns; 0 where there is no such clock, as for that of a thread which has just ended. */
static inline uint64_t
clock_ns(clockid_t clock)
{
    struct timespec now = {0, 0};
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

#endif
