"""What a probe found, as plain data that prints itself.

Schema version history of its file
----------------------------------
1 : first (0.1.0). It had no `handed`, and its predicted processes were sent each call.
2 : "processes" are sent nothing, and "shipped" are those that are.
"""

from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar

from gilscope.documents.envelope import Form
from gilscope.documents.typed import plain
from gilscope.fields import DescribedBy, Natural, NotNegative, OneOf, in_file
from gilscope.places import portable
from gilscope.probing.advice import PAYS
from gilscope.probing.classes import CLASSES
from gilscope.probing.expectation import Handed
from gilscope.probing.prediction import Prediction
from gilscope.probing.requests import Knocks
from gilscope.probing.shares import Share, Site
from gilscope.probing.speed_ups import Scaling
from gilscope.showing import Drawn, named

_Way = Annotated[str, OneOf("threads", "processes")]


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineFacts:
    """Where it was measured; a probe keeps it as plain data.

    Parameters
    ----------
    usable_cpus : int
        CPUs that this process may use.
    python : str
        Version of CPython.
    gil : bool
        Whether the GIL was in force.
    """

    usable_cpus: Natural
    python: str
    gil: bool


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Probe(Drawn):
    """What a probe of one call found. Printing it shows a table; in a notebook it renders as one.

    Parameters
    ----------
    tool : str
        Program and version, for example ``gilscope 0.1.0``.
    started : str
        ISO 8601, UTC.
    target : str
        The function or the statement, as it was given.
    class_ : str
        One of `gilscope.probing.classes.CLASSES`; "class" in JSON.
    pays : str
        What the advice says in a word: "threads", "processes", "neither", "nothing more" or "cannot tell"; "" after a
        failure.
    advice : str
        One to three sentences; "" after a failure.
    failure : str
        Why nothing was measured, or "".
    traceback : str
        Of a failure: where it was.
    output : str
        Of a failure: the end of what the target printed.
    exit_code : int
        What the command line ends with.
    wall_ns : float or None
        Of one call, alone on one thread; None after a failure.
    shares : dict of str to Share
        "held", "computing", "blocked"; of what the call does by its own will, so that they add up to 1. And
        "held_waiting", the part of "held" in which it only waits. Empty after a failure.
    bytecode : Knocks or None
        How requests for the GIL were answered while it was held; None where it hardly was.
    releases : float or None
        How often one call drops the GIL by itself; None where nobody could count that.
    mean_release_ns : float or None
        Mean length of these; None where there are none.
    longest_hold_ns : int or None
        Longest time in which a call did not drop the GIL by itself.
    sites : list of Site
        Places in compiled code that released, longest first.
    predicted : dict of str to list of Prediction
        By way: "threads"; "processes", which are sent nothing, as they are measured; and "shipped", processes that are
        sent each call's arguments and send its result.
    measured : list of Scaling
        What was measured here and now; it depends on how many CPUs the machine gave.
    handed : dict of str to Handed
        By way, what is left of its speed-up when calls are handed out one at a time; where that was measured.
    second_cpu : bool or None
        Whether the machine gave a second CPU meanwhile; None where that cannot be told.
    shortfalls : dict of str to str
        Where the measured speed-up stays below the predicted one, why; by way.
    pays_from_ns : dict of str to float or None
        The call length from which a way pays; None if it never does.
    shipping_ns : float or None
        To send the arguments to a process and the result back; None if they cannot be sent.
    preflight : dict
        What the first call showed, as `gilscope.targets.first_call.Preflight`; empty if it did not come so far.
    notes : list of str
        What else was noticed: threads left behind, imports that do work, a machine without a second CPU.
    mechanism : str
        What the shares rest on.
    cost : str
        What that takes from the call.
    blind_to : list of str
        What it cannot see.
    machine : dict
        Where it was measured, as `MachineFacts`.
    """

    tool: str = field(default="", metadata=in_file(may_lack=True))
    started: str = field(default="", metadata=in_file(may_lack=True))
    target: str
    class_: Annotated[str, OneOf(*CLASSES)] = field(metadata=in_file(name="class"))
    pays: Annotated[str, OneOf("", *PAYS)] = ""
    advice: str
    failure: str = ""
    traceback: str = ""
    output: str = ""
    exit_code: Natural = 0
    wall_ns: NotNegative | None = None
    shares: dict[Annotated[str, OneOf("held", "computing", "blocked", "held_waiting")], Share] = field(
        default_factory=dict
    )
    bytecode: Knocks | None = None
    releases: NotNegative | None = None
    mean_release_ns: NotNegative | None = None
    longest_hold_ns: Natural | None = None
    sites: list[Site] = field(default_factory=list)
    predicted: dict[Annotated[str, OneOf("threads", "processes", "shipped")], list[Prediction]] = field(
        default_factory=dict
    )
    measured: list[Scaling] = field(default_factory=list)
    # The first version had none, and its predicted processes were sent each call.
    handed: dict[_Way, Handed] = field(default_factory=dict, metadata=in_file(may_lack=True))
    second_cpu: bool | None = None
    shortfalls: dict[_Way, str] = field(default_factory=dict)
    pays_from_ns: dict[_Way, NotNegative | None] = field(default_factory=dict)
    shipping_ns: NotNegative | None = None
    preflight: Annotated[dict[str, Any], DescribedBy("gilscope.targets.first_call:Preflight", may_be_empty=True)] = (
        field(default_factory=dict)
    )
    notes: list[str] = field(default_factory=list)
    mechanism: str = ""
    cost: str = ""
    blind_to: list[str] = field(default_factory=list)
    machine: Annotated[dict[str, Any], DescribedBy("gilscope.probing.result:MachineFacts")] = field(
        default_factory=dict
    )

    _view: ClassVar[str] = "gilscope.probing.view:blocks"

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON has it; ``documents/schemas/probe.json`` in the package describes that."""
        data: dict[str, Any] = portable({"schema_version": PROBE.version, "kind": PROBE.kind, **plain(self)})
        return data

    def markdown(self) -> str:
        """Return it as Markdown, to paste: it names no place of this machine's user."""
        return str(named("gilscope.report.markdown:render")(portable(named(self._view)(self))))

    def _in_a_line(self) -> str:
        return f"Probe of {self.target!r}: {self.failure or self.class_}"


def _from_1(data: dict[str, Any]) -> dict[str, Any]:
    """Return the data of the first version as the second has it: what it calls processes were sent each call."""
    predicted = data.get("predicted")
    if not isinstance(predicted, dict):
        return data
    renamed = {"processes": "shipped"}
    return {**data, "predicted": {renamed.get(way, way): each for way, each in predicted.items()}}


PROBE: Form[Probe] = Form(kind="gilscope probe", version=2, holds=Probe, older={1: _from_1}, indent=2)
