/* OpenMP's few functions, or stand-ins that say that they are stand-ins. */
#ifndef GILSCOPE_OPENMP_OPTIONAL_H
#define GILSCOPE_OPENMP_OPTIONAL_H

#ifdef _OPENMP
#include <omp.h>
#define GILSCOPE_OPENMP_VERSION _OPENMP
static inline int
gilscope_team_size(void)
{
    return omp_get_num_threads();
}
#else
#define GILSCOPE_OPENMP_VERSION 0
static inline int
gilscope_team_size(void)
{
    return 1;
}
#endif

#endif
