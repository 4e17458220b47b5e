"""The claims of the article, in its order, and the experiments that test each; then what its readers ask beside.

The article introduces threads and processes with two programs, claims a dozen things and measures none.
"""

from dataclasses import dataclass

from gilscope.experiments import EXPERIMENTS


@dataclass(frozen=True, slots=True)
class Lesson:
    """A claim, or a question, and the experiments that answer it.

    Parameters
    ----------
    claim : str
        Without a full stop.
    experiments : tuple of str
        Their names.
    """

    claim: str
    experiments: tuple[str, ...]


_ARTICLE = (
    Lesson("Threads run the two tasks in parallel and reduce the time", ("article", "held_versus_released")),
    Lesson("Threads live in one heap, processes in separate ones, so that sharing objects is harder", ("one_heap",)),
    Lesson("Several threads may write to one place, which is why CPython has the GIL", ("lost_updates",)),
    Lesson("Threads are light and share memory; processes take more of it", ("memory", "start_up")),
    Lesson("Threads suit responsive interfaces", ("responsiveness",)),
    Lesson("Threads suit work that waits", ("io_bound", "convoy")),
    Lesson("A thread cannot be killed; a child process can", ("killing",)),
    Lesson(
        "Threads are bound by the GIL; processes get round it and use several cores",
        ("held_versus_released", "own_gil"),
    ),
    Lesson("A leak in one thread harms the others and the parent", ("blast_radius",)),
    Lesson("Each thread has a stack of its own over a heap that all share", ("one_heap",)),
    Lesson("Communication between processes is more complex and costs more", ("shipping",)),
)
_TESTED = {name for lesson in _ARTICLE for name in lesson.experiments}

#: What the article claims, as far as there is an experiment; then every other experiment, as its readers' questions.
ARTICLE = tuple(
    Lesson(lesson.claim, tuple(name for name in lesson.experiments if name in EXPERIMENTS))
    for lesson in _ARTICLE
    if any(name in EXPERIMENTS for name in lesson.experiments)
)
QUESTIONS = tuple(name for name in EXPERIMENTS if name not in _TESTED)
