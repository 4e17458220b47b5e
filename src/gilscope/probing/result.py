"""What a probe found, as plain data that prints itself."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from gilscope.documents.typed import plain
from gilscope.places import portable
from gilscope.probing.expectation import Handed
from gilscope.probing.prediction import Prediction
from gilscope.probing.shares import Share
from gilscope.probing.speed_ups import Scaling
from gilscope.report import probe as drawing

SCHEMA_VERSION = 2
#: Versions whose files can be drawn. The first had no `handed`, and its predicted processes were sent each call.
READABLE_VERSIONS = (1, SCHEMA_VERSION)
#: What its JSON says that it is.
KIND = "gilscope probe"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Probe:
    """What a probe of one call found. Printing it shows a table; in a notebook it renders as one.

    Parameters
    ----------
    target : str
    class_ : str
        One of `gilscope.probing.classes.CLASSES`; "class" in JSON.
    pays : str
        What the advice says in a word: "threads", "processes", "neither", "nothing more" or "cannot tell"; "" after a
        failure.
    advice : str
    failure : str
        Why nothing was measured, or "".
    traceback, output : str
        Of a failure: where it was, and the end of what the target printed.
    exit_code : int
        What the command line ends with.
    wall_ns : float or None
        Of one call.
    shares : dict of str to Share
        "held", "computing", "blocked"; of what the call does by its own will, so that they add up to 1. And
        "held_waiting", the part of "held" in which it only waits.
    bytecode : dict or None
        Of requests for the GIL while it was held: how many ("asked"), and how many were answered "at_once".
    releases, mean_release_ns : float or None
        Per call.
    longest_hold_ns : int or None
    sites : list of dict
        Places in compiled code that released, longest first.
    predicted : dict of str to list of Prediction
        By way: "threads"; "processes", which are sent nothing, as they are measured; and "shipped", processes that are
        sent each call's arguments and send its result.
    measured : list of Scaling
    handed : dict of str to Handed
        By way, what is left of its speed-up when calls are handed out one at a time; where that was measured.
    second_cpu : bool or None
        Whether the machine gave a second CPU meanwhile; None where that cannot be told.
    shortfalls : dict of str to str
        Where the measured speed-up stays below the predicted one, why; by way.
    pays_from_ns : dict of str to float or None
        The call length from which a way pays; None if it never does.
    shipping_ns : float or None
        To send the arguments to a process and the result back.
    preflight : dict
        As `gilscope.targets.first_call.Preflight`.
    notes : list of str
        What else was noticed: threads left behind, imports that do work, a machine without a second CPU.
    mechanism, cost : str
        What the shares rest on, and what that takes from the call.
    blind_to : list of str
    machine : dict
    """

    target: str
    class_: str
    advice: str
    pays: str = ""
    failure: str = ""
    traceback: str = ""
    output: str = ""
    exit_code: int = 0
    wall_ns: float | None = None
    shares: dict[str, Share] = field(default_factory=dict)
    bytecode: dict[str, int] | None = None
    releases: float | None = None
    mean_release_ns: float | None = None
    longest_hold_ns: int | None = None
    sites: list[dict[str, Any]] = field(default_factory=list)
    predicted: dict[str, list[Prediction]] = field(default_factory=dict)
    measured: list[Scaling] = field(default_factory=list)
    handed: dict[str, Handed] = field(default_factory=dict)
    second_cpu: bool | None = None
    shortfalls: dict[str, str] = field(default_factory=dict)
    pays_from_ns: dict[str, float | None] = field(default_factory=dict)
    shipping_ns: float | None = None
    preflight: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    mechanism: str = ""
    cost: str = ""
    blind_to: list[str] = field(default_factory=list)
    machine: dict[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON has it; the schema is ``probe.schema.json`` in the package."""
        data: dict[str, Any] = portable(self._shown())
        return data

    def _shown(self) -> dict[str, Any]:
        """Return it for this machine's eyes, with whole paths."""
        data: dict[str, Any] = plain(asdict(self))
        data["class"] = data.pop("class_")
        return {"schema_version": SCHEMA_VERSION, "kind": KIND, **data}

    def markdown(self) -> str:
        """Return it as a Markdown table."""
        return drawing.markdown(self.as_dict())

    def __repr__(self) -> str:
        return f"<Probe of {self.target!r}: {self.failure or self.class_}>"

    def __str__(self) -> str:
        return drawing.text(self._shown())

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:  # noqa: FBT001 - IPython's protocol
        printer.text(str(self))

    def _repr_html_(self) -> str:
        return drawing.html(self.as_dict())


def dumps(data: Mapping[str, Any]) -> str:
    """Return a probe's data as JSON text, ending in a newline."""
    return json.dumps(data, ensure_ascii=False, allow_nan=False, indent=2) + "\n"
