"""What gilscope plans, measures and finds, as plain immutable data.

Words, used with one meaning throughout: a *kernel* is one piece of arithmetic (square, quad) in one implementation
and one GIL mode; "held" means that the thread keeps the GIL for the whole call, and on a free-threaded build that
its thread state stays attached. A *task* is one call of a kernel on one chunk. An *arm* is one cell of the table,
a kernel under a strategy. Arms that are compared with each other form a *group* and share one work size. A *sample*
is one timing of one arm; a *round* is one sample of every arm of a group. A *launch* is a fresh interpreter with
fresh workers. Ratios are always reference time / arm time: above 1, the arm is faster.
"""

from dataclasses import dataclass, field
from typing import ClassVar

from gilscope.errors import Unavailable
from gilscope.pairing.intervals import Interval
from gilscope.showing import Drawn
from gilscope.words import counted

#: The group that every run has, whose true ratios are known; its arms are named after it.
CONTROL = "control"
#: The strategy that every group has: the others' speed-ups are over it.
SERIAL = "serial"


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """One cell of the table: a kernel in one implementation and GIL mode, under one strategy.

    Parameters
    ----------
    id : str
        Unique in a plan, for example ``"quad/c/released/2/threads"``.
    kernel, implementation, gil, strategy : str
    form : {"array", "compute"}
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
    n_workers: int
    form: str = "array"
    work: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Arms that are compared with each other, on one work size.

    Parameters
    ----------
    id : str
        For example ``"quad/c/released/2"``, or ``"control"``.
    n_items : int
        Items in each chunk.
    arms : tuple of Arm
    """

    id: str
    n_items: int
    arms: tuple[Arm, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What one run is going to measure, and when it stops.

    Parameters
    ----------
    groups : tuple of Group
    control : Group
        Arms whose true ratios are known.
    dtype : str
    task_ns : int or None
        Where given, the items of each group are found so that one serial call takes this long.
    target : float
        Half-width, as a share of the ratio, at which a ratio is resolved.
    budget_s : float
        Wall time after which the run stops with what it has.
    n_launches, min_rounds : int
        Launches, and the fewest rounds of each.
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
    task_ns: int | None
    target: float
    budget_s: float
    n_launches: int
    min_rounds: int
    min_span_s: float
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

    n_items: int
    repeats: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One timing of one arm.

    Parameters
    ----------
    arm : str
    wall_ns : int
        From the moment when the first worker begins its call, by its own clock, to the end of the last to finish. What
        it takes to wake the first is not in it.
    cpu_ns, run_delay_ns, switches : int
        Summed over the workers: CPU time, time spent runnable without a CPU, involuntary context switches.
    """

    arm: str
    wall_ns: int
    cpu_ns: int
    run_delay_ns: int
    switches: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One sample of every arm of a group, in the order in which they ran.

    Parameters
    ----------
    group : str
    launch : int
    at_ns : int
        Since the run began.
    warm_up : bool
        Kept, but not part of any estimate.
    samples : tuple of Sample
    steal_ticks, throttled : int
        What the host took and how often the quota stopped us during the round.
    """

    group: str
    launch: int
    at_ns: int
    warm_up: bool
    samples: tuple[Sample, ...]
    steal_ticks: int = 0
    throttled: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What was found for one arm.

    Parameters
    ----------
    arm : Arm
    unavailable : Unavailable or None
        Where given, the figures are None.
    wall_ns, cpu_ns : float
        Median wall time, and median CPU time of all workers, of the group's work.
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
    """

    arm: Arm
    unavailable: Unavailable | None = None
    wall_ns: float | None = None
    cpu_ns: float | None = None
    cpu_width: float | None = None
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
    second_cpu : Interval or None
        What processes gain over serial on work that touches no memory: did the machine give the CPUs at all?
    passed : bool
        Whether both intervals hold the truth; without it no verdict is given.
    """

    same: Interval | None
    heavier: Interval | None
    heavier_truth: float
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

    steal: float | None
    run_delay: float
    throttled: int


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Result(Drawn):
    """One run: everything that is needed to draw it again, anywhere. Printing it shows the table, as a notebook does.

    Parameters
    ----------
    schema_version : int
    tool : str
    started : str
        ISO 8601, UTC.
    argv : tuple of str
    state : {"complete", "partial"}
        Partial until the last launch has ended.
    stop_reason : str
    duration_s : float
    plan : Plan
    machine : dict
        As `gilscope.machine.describe` gives it.
    workers : tuple of dict
        What each worker said of its own GIL, before anything was timed.
    work : dict of str to WorkSize
        By group.
    rounds : tuple of Round
        All of them, warm-ups too, none dropped.
    rows : tuple of Row
    control : Control or None
    interference : Interference
    findings : tuple of str
        What was found, in sentences, from the figures only.
    """

    schema_version: int
    tool: str
    started: str
    argv: tuple[str, ...]
    state: str
    stop_reason: str
    duration_s: float
    plan: Plan
    machine: dict[str, object]
    workers: tuple[dict[str, object], ...] = ()
    work: dict[str, WorkSize] = field(default_factory=dict)
    rounds: tuple[Round, ...] = ()
    rows: tuple[Row, ...] = ()
    control: Control | None = None
    interference: Interference = Interference(steal=None, run_delay=0.0, throttled=0)
    findings: tuple[str, ...] = ()

    _view: ClassVar[str] = "gilscope.running.view:blocks"

    def _in_a_line(self) -> str:
        kernels = ", ".join(dict.fromkeys(row.arm.kernel for row in self.rows))
        arms, rounds = counted(len(self.rows), "arm"), counted(len(self.rounds), "round")
        return f"Result of {self.tool}: {kernels or 'no kernel'}, {arms}, {rounds}, {self.state}"
