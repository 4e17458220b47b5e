"""Claims about threads and processes, each an experiment that can come out either way. The order is the syllabus."""

#: One module each in this package; a new experiment is a module and a line here.
EXPERIMENTS = (
    "article",
    "held_versus_released",
    "one_heap",
    "lost_updates",
    "responsiveness",
    "io_bound",
    "convoy",
    "release_threshold",
    "many_short_calls",
    "nogil_but_not",
    "start_up",
    "shipping",
    "memory",
    "killing",
    "blast_radius",
    "oversubscription",
    "false_sharing",
    "memory_wall",
    "own_gil",
    "free_threading",
)
