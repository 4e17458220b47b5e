"""What an atlas found, as plain data: a row for each call."""

from dataclasses import dataclass, field
from math import inf, nan
from typing import Annotated

from gilscope.fields import Natural, NotNegative, OneOf, Positive, Range, in_file
from gilscope.probing.advice import PAYS
from gilscope.probing.classes import CLASSES
from gilscope.probing.prediction import LIMITS
from gilscope.probing.shares import Share

#: What stands in place of a class where nothing was measured.
NOT_INSTALLED, FAILED = "not installed", "failed"


@dataclass(frozen=True, slots=True)
class SpeedUp:
    """A measured speed-up with its interval.

    Parameters
    ----------
    estimate : float
        Not a number, and null in a file, where no round could be compared.
    low : float
        Lower end; 0 where too few rounds could tell.
    high : float
        Upper end; infinite, and null in a file, where too few rounds could tell.
    """

    estimate: float = field(metadata=in_file(null=nan))
    low: NotNegative
    high: Annotated[float, Range(least=0)] = field(metadata=in_file(null=inf))


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictedRange:
    """What a way should give on a machine that gives the CPUs it promises.

    Parameters
    ----------
    low : float
        Speed-up of calls as irregular as exponential times.
    high : float
        Speed-up of calls that are all alike.
    limit : str
        What keeps `high` from being the number of workers.
    """

    low: NotNegative
    high: NotNegative
    limit: Annotated[str, OneOf(*LIMITS)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """What as many threads or processes give, each making calls of its own.

    Parameters
    ----------
    n_workers : int
        How many.
    speed_up : SpeedUp or None
        Over one thread, here and now.
    predicted : PredictedRange
        From the shares of one call.
    absent : str
        Why it was not measured, or "".
    """

    n_workers: Annotated[int, Range(least=2)]
    speed_up: SpeedUp | None
    predicted: PredictedRange
    absent: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What one call does to the GIL.

    Parameters
    ----------
    name : str
        Of the call, as in the list.
    setup, statement : str
        What was run: once before, and again and again.
    python : str
        The interpreter, such as ``CPython 3.13.0``, with ``, GIL off`` where it is.
    group : str
        Of the call, as in the list.
    class_ : str
        One of `gilscope.probing.classes.CLASSES`, or what stands in its place; "class" in a file.
    failure : str
        Why there are no figures, or "".
    exit_code : int
        What `gilscope probe` of this call would end with.
    wall_ns : float or None
        Of one call.
    released : Share or None
        Share of the time without the GIL.
    longest_hold_ns : int or None
        In which a call did not drop the GIL by itself: it can stall every other thread for as long.
    releases : float or None
        Per call.
    mean_release_ns : float or None
        How long each of them is.
    threads, processes : Way or None
        What they give at the largest width.
    second_cpu : bool or None
        Whether the machine gave a second CPU meanwhile; None where that cannot be told. Without it the measured
        speed-ups of calls that compute say nothing.
    pays : str
        What the advice says in a word.
    advice : str
        In sentences.
    notes : tuple of str
        What else was noticed.
    mechanism : str
        What the figures rest on; "" where there are none.
    cost : str
        What that took from the call.
    blind_to : tuple of str
        What it cannot see.
    measured_at : str
        ISO 8601, UTC.
    took_s : float
        With the start of its process.
    """

    name: str
    setup: str
    statement: str
    python: str
    group: str
    class_: Annotated[str, OneOf(*CLASSES, NOT_INSTALLED, FAILED)] = field(metadata=in_file(name="class"))
    failure: str = ""
    exit_code: Natural = 0
    wall_ns: NotNegative | None = None
    released: Share | None = None
    longest_hold_ns: Natural | None = None
    releases: NotNegative | None = None
    mean_release_ns: NotNegative | None = None
    threads: Way | None = None
    processes: Way | None = None
    second_cpu: bool | None = None
    pays: Annotated[str, OneOf("", *PAYS)] = ""
    advice: str = ""
    notes: tuple[str, ...] = ()
    mechanism: str = ""
    cost: str = ""
    blind_to: tuple[str, ...] = ()
    measured_at: str
    took_s: NotNegative

    def flaw(self) -> str:
        """Say what it lacks for being drawn, or return ""."""
        has_all = None not in (self.wall_ns, self.released, self.threads, self.processes)
        return "" if self.failure or has_all else "has neither a failure nor all figures"


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineFacts:
    """Where the last run was.

    Parameters
    ----------
    usable_cpus : int
        CPUs that it could use.
    usable_cpus_from : str
        Which limit decided.
    python : str
        Its interpreter; each row has its own.
    """

    usable_cpus: Positive
    usable_cpus_from: str
    python: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AtlasResult:
    """The rows of a list of calls, as many as there are so far.

    Parameters
    ----------
    tool : str
        Program and version, for example ``gilscope 0.1.0``.
    started : str
        When the last run began: ISO 8601, UTC.
    title : str
        Of the list of calls.
    n_calls : int
        In the list; there may be fewer rows.
    machine : MachineFacts
        Where the last run was.
    rows : tuple of Row
        In the order of the list.
    """

    tool: str
    started: str = field(default="", metadata=in_file(may_lack=True))
    title: str
    n_calls: Positive
    machine: MachineFacts
    rows: tuple[Row, ...]
