"""How a probe's child ended: plain data."""

from dataclasses import dataclass
from typing import Any, Literal

from gilscope.errors import CANNOT_RUN, DONE, FAILED, INTERRUPTED, WRONG_USAGE

Kind = Literal["done", "raised", "hung", "crashed", "exited", "interrupted", "usage", "cannot run"]
#: The status with which a child ends that can no longer say anything: its pipe to the parent is gone. Few would choose
#: it for a program of their own.
CUT_OFF = 119


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a child ended.

    Parameters
    ----------
    kind : {"done", "raised", "hung", "crashed", "exited", "interrupted", "usage", "cannot run"}
    message : str
        One sentence; empty when done.
    phase : str
        What the child was at: starting, importing it, its first call, or the measurement.
    preflight : dict or None
        The fields of `gilscope.targets.first_call.Preflight`, if it came so far.
    report : object
        What the job returned, as plain data where it came from another process; None where there is none.
    profile : dict or None
        What it would have returned without workers, if it came as far as these and no further.
    traceback : str
        Of what was raised; or of every thread, innermost frame first, when it hung or crashed. Without the frames that
        lead to the target.
    output : str
        The end of what the target printed.
    status : int or None
        The exit status of a child that exited.
    signal : str or None
        The name of the signal that ended a child that crashed.
    """

    kind: Kind
    message: str
    phase: str
    preflight: dict[str, Any] | None = None
    report: Any = None
    profile: dict[str, Any] | None = None
    traceback: str = ""
    output: str = ""
    status: int | None = None
    signal: str | None = None

    @property
    def exit_code(self) -> int:
        """The exit code of a command that ends with this."""
        codes = {
            "done": DONE,
            "interrupted": INTERRUPTED,
            "usage": WRONG_USAGE,
            "cannot run": CANNOT_RUN,
        }
        return codes.get(self.kind, FAILED)
