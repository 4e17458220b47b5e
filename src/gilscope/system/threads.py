"""The threads of this process and their time on a CPU, as the kernel and `threading` tell it."""

import os
from threading import enumerate as known_threads
from threading import main_thread

try:
    import resource
except ImportError:  # nowhere on Windows
    resource = None  # type: ignore[assignment]

from gilscope.system.procfs import as_int, read_text


def thread_names() -> dict[int, str]:
    """Return the names of the threads that `threading` knows, by the kernel's id."""
    names = {thread.native_id: thread.name for thread in known_threads() if thread.native_id is not None}
    # In a forked child the main thread of Python 3.11 and 3.12 still says the id that it had in the parent.
    return {**names, os.getpid(): main_thread().name}


def native_ids() -> list[int]:
    """Return every thread of this process, also those that Python did not start; none where there is no /proc."""
    try:
        return [int(name) for name in os.listdir("/proc/self/task")]
    except OSError:
        return []


def kernel_counts(native_id: int) -> tuple[int, int]:
    """Return a thread's CPU time and its time queued for a CPU, in ns; -1 where the kernel does not tell."""
    fields = (read_text(f"proc/{os.getpid()}/task/{native_id}/schedstat") or "").split()
    cpu_ns, run_delay_ns = (as_int(field) for field in fields[:2]) if len(fields) >= 2 else (None, None)
    return -1 if cpu_ns is None else cpu_ns, -1 if run_delay_ns is None else run_delay_ns


def children_cpu_ns() -> int:
    """Return the CPU time of all processes that this one has started and waited for, in ns; 0 where nobody tells."""
    if resource is None:
        return 0
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return round(1e9 * (usage.ru_utime + usage.ru_stime))
