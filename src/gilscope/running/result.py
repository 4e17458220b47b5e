"""What gilscope plans, measures and finds, as plain immutable data.

Words, used with one meaning throughout: a *kernel* is one piece of arithmetic (square, quad) in one implementation
and one GIL mode; "held" means that the thread keeps the GIL for the whole call, and on a free-threaded build that
its thread state stays attached. A *task* is one call of a kernel on one chunk. An *arm* is one cell of the table,
a kernel under a strategy. Arms that are compared with each other form a *group* and share one work size. A *sample*
is one timing of one arm; a *round* is one sample of every arm of a group. A *launch* is a fresh interpreter with
fresh workers. Ratios are always reference time / arm time: above 1, the arm is faster.
"""

from dataclasses import dataclass, field
from typing import Annotated, ClassVar

from gilscope.errors import Unavailable
from gilscope.fields import AboveZero, DescribedBy, Natural, NotNegative, OneOf, Positive, Range, in_file
from gilscope.pairing.intervals import Interval
from gilscope.running.names import SERIAL
from gilscope.showing import Drawn
from gilscope.words import counted

#: -1 stands for what this system does not count.
Counted = Annotated[int, Range(least=-1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """One cell of the table: a kernel in one implementation and GIL mode, under one strategy.

    Parameters
    ----------
    id : str
        Unique in a plan, for example ``"quad/c/released/2/threads"``.
    kernel : str
        The arithmetic: square, which is x*x, or quad, (x*x)*(x*x).
    implementation : str
        What computes it: python, numpy, cython or c.
    gil : str
        "held", where the thread keeps the GIL for the whole call, "released", or "chunked": released per block.
    strategy : str
        How the tasks are spread: serial, threads, processes, processes:forkserver, processes:fork, interpreters or
        openmp.
    form : {"array", "compute"}
        Over arrays in memory, or rounds over one chunk that stays in cache.
    n_workers : int
        The width of the group: how many chunks there are, and how many CPUs a parallel arm may use.
    work : float
        How much of the group's work this arm does; 1 but for the control's heavier twin.
    """

    id: str
    kernel: str
    implementation: str
    gil: str
    strategy: str
    n_workers: Positive
    form: Annotated[str, OneOf("array", "compute")] = "array"
    work: AboveZero = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Arms that are compared with each other, on one work size.

    Parameters
    ----------
    id : str
        For example ``"quad/c/released/2"``, or ``"control"``.
    n_items : int
        Items in each chunk; a call works on one chunk.
    arms : tuple of Arm
        What is compared with each other; at least one.
    """

    id: str
    n_items: Positive
    arms: tuple[Arm, ...]

    def flaw(self) -> str:
        """Say what keeps it from being drawn, or return ""."""
        return "" if self.arms else ".arms must name an arm or more; it is empty"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What one run is going to measure, and when it stops.

    Parameters
    ----------
    groups : tuple of Group
        What the table shows, in its order.
    control : Group
        Arms whose true ratios are known.
    dtype : str
        Of every array.
    task_ns : int or None
        Where given, the items of each group are found so that one serial call takes this long.
    target : float
        Half-width, as a share of the ratio, at which a ratio is resolved.
    budget_s : float
        Wall time after which the run stops with what it has.
    n_launches : int
        Fresh interpreters with fresh workers.
    min_rounds : int
        The fewest rounds of each launch.
    min_span_s : float
        The shortest time over which the rounds of a group are spread.
    seed : int
        Of every random choice; the hash seeds of the launches are drawn from it too.
    effort : str
        The preset's name.
    oversubscribed : bool
        Whether more workers than usable CPUs were asked for on purpose.
    """

    groups: tuple[Group, ...]
    control: Group
    dtype: str
    task_ns: Positive | None
    target: Annotated[float, Range(above=0, below=1)]
    budget_s: AboveZero
    n_launches: Positive
    min_rounds: Natural
    min_span_s: NotNegative
    seed: int
    effort: str = "default"
    oversubscribed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkSize:
    """What one sample of a group consists of.

    Parameters
    ----------
    n_items : int
        Items in each chunk.
    repeats : int
        Calls on each chunk (array form), or rounds in one call on each chunk (compute form).
    """

    n_items: Positive
    repeats: Positive


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One timing of one arm.

    Parameters
    ----------
    arm : str
        Its id.
    wall_ns : int
        From the moment when the first worker begins its call, by its own clock, to the end of the last to finish. What
        it takes to wake the first is not in it.
    cpu_ns : int
        CPU time of all workers.
    run_delay_ns : int
        Time in which workers were ready to run and had no CPU, summed; -1 where it is not counted.
    switches : int
        Involuntary context switches, summed over the workers; -1 where they are not counted.
    """

    arm: str
    wall_ns: Natural
    cpu_ns: Natural
    run_delay_ns: Counted
    switches: Counted


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One sample of every arm of a group, in the order in which they ran.

    Parameters
    ----------
    group : str
        Its id.
    launch : int
        Number of the launch, from 0.
    at_ns : int
        Since the run began.
    warm_up : bool
        Kept, but not part of any estimate.
    samples : tuple of Sample
        One of every arm, in the order in which they ran; a file has them by column.
    steal_ticks : int
        Clock ticks for which the host ran something else during the round, over all CPUs.
    throttled : int
        Periods of the round in which a CPU quota stopped the process.
    """

    group: str
    launch: Natural
    at_ns: Natural
    warm_up: bool
    samples: tuple[Sample, ...] = field(metadata=in_file(by_column=True))
    steal_ticks: Natural = 0
    throttled: Natural = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What was found for one arm.

    Parameters
    ----------
    arm : Arm
        Which one.
    unavailable : Unavailable or None
        Where given, the figures are None.
    wall_ns : float
        Median wall time of the group's work.
    cpu_ns : float
        Median CPU time of all workers for it.
    cpu_width : float
        Median of CPU time / wall time: how many CPUs the arm kept busy.
    equal_width : Interval or None
        Partner's time / this arm's time in the same rounds; decides the verdict.
    partner : str
        The arm that `equal_width` compares with: the ceiling (processes), or serial for an arm that is one CPU wide;
        "" where there is none.
    here_and_now : Interval or None
        Serial time / this arm's time; information, never a verdict, where the widths differ.
    versus_python : Interval or None
        Plain Python's serial time for the same items / this arm's; information.
    verdict : str
        In words.
    """

    arm: Arm
    unavailable: Unavailable | None = None
    wall_ns: AboveZero | None = None
    cpu_ns: NotNegative | None = None
    cpu_width: NotNegative | None = None
    equal_width: Interval | None = None
    partner: str = ""
    here_and_now: Interval | None = None
    versus_python: Interval | None = None
    verdict: str = ""

    @property
    def beside_serial(self) -> bool:
        """Whether it is compared with serial, as one that kept a single CPU busy is."""
        return self.partner.endswith(f"/{SERIAL}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """The ratios whose truth is known, as this run read them.

    Parameters
    ----------
    same : Interval or None
        An arm against itself; the truth is 1.
    heavier : Interval or None
        An arm against `heavier_truth` times its work.
    heavier_truth : float
        What `heavier` must read.
    second_cpu : Interval or None
        What processes gain over serial on work that touches no memory: did the machine give the CPUs at all?
    passed : bool
        Whether both intervals hold the truth; without it no verdict is given.
    """

    same: Interval | None
    heavier: Interval | None
    heavier_truth: Annotated[float, Range(above=1)]
    second_cpu: Interval | None
    passed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Interference:
    """What disturbed the run, as shares of its measured time.

    Parameters
    ----------
    steal : float or None
        CPU time the host took, over the time of all logical CPUs; None where it cannot be read.
    run_delay : float
        Time workers waited for a CPU, over their CPU time.
    throttled : int
        Periods in which a cgroup quota stopped the process.
    """

    steal: NotNegative | None
    run_delay: NotNegative
    throttled: Natural


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerFacts:
    """What one worker said of itself before anything was timed; a result keeps it as plain data.

    Parameters
    ----------
    strategy : str
        Of its crew.
    n_workers : int
        Its crew's width.
    pid : int
        Process.
    thread : int
        Native thread.
    python : str
        Version of its interpreter.
    gil_enabled : bool
        Whether its GIL was on.
    switch_interval_s : float
        How long a thread may keep the GIL when it is asked for it.
    cpu : int or None
        The CPU that it keeps to; None where the scheduler chooses.
    """

    strategy: str
    n_workers: Positive
    pid: Positive
    thread: Positive
    python: str
    gil_enabled: bool
    switch_interval_s: AboveZero
    cpu: Natural | None


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Result(Drawn):
    """One run: everything that is needed to draw it again, anywhere. Printing it shows the table, as a notebook does.

    Parameters
    ----------
    schema_version : int
        Of the file that it was read from, or would be written to.
    tool : str
        Program and version, for example ``gilscope 0.1.0``.
    started : str
        ISO 8601, UTC.
    argv : tuple of str
        The command line's arguments; none of a run from Python.
    state : {"complete", "partial"}
        Partial until the last launch has ended.
    stop_reason : str
        Why the run ended.
    duration_s : float
        Wall time.
    plan : Plan
        What the run was to measure, and when it was to stop.
    machine : dict
        As `gilscope.machine.describe` gives it.
    workers : tuple of dict
        What each worker of each launch said of its own GIL, before anything was timed; see `WorkerFacts`.
    work : dict of str to WorkSize
        What a sample consists of, by the id of the group.
    rounds : tuple of Round
        All of them, warm-ups too, none dropped.
    rows : tuple of Row
        The table: one for each arm of the plan's groups.
    control : Control or None
        None before anything was measured.
    interference : Interference
        What disturbed the run.
    findings : tuple of str
        What was found, in sentences, from the figures only.
    """

    schema_version: int
    tool: str
    started: str
    argv: tuple[str, ...]
    state: Annotated[str, OneOf("complete", "partial")]
    stop_reason: str
    duration_s: NotNegative
    plan: Plan
    machine: Annotated[dict[str, object], DescribedBy("gilscope.machine.description:Machine")]
    workers: tuple[Annotated[dict[str, object], DescribedBy("gilscope.running.result:WorkerFacts")], ...] = ()
    work: dict[str, WorkSize] = field(default_factory=dict)
    rounds: tuple[Round, ...] = ()
    rows: tuple[Row, ...] = ()
    control: Control | None = None
    interference: Interference = Interference(steal=None, run_delay=0.0, throttled=0)
    findings: tuple[str, ...] = ()

    _view: ClassVar[str] = "gilscope.running.view:blocks"

    @property
    def is_empty(self) -> bool:
        """Whether nothing was measured."""
        return not self.rounds

    @property
    def n_rounds(self) -> int:
        """Timed rounds; those of the warm-up do not count."""
        return sum(not one.warm_up for one in self.rounds)

    @property
    def gil_enabled(self) -> bool:
        """Whether its workers had a GIL; where a file does not say, they had."""
        return all(worker.get("gil_enabled", True) for worker in self.workers)

    def _in_a_line(self) -> str:
        kernels = ", ".join(dict.fromkeys(row.arm.kernel for row in self.rows))
        arms, rounds = counted(len(self.rows), "arm"), counted(len(self.rounds), "round")
        return f"Result of {self.tool}: {kernels or 'no kernel'}, {arms}, {rounds}, {self.state}"
