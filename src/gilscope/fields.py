"""What a field of a result may hold, where its type does not say it: a range, a few words, another name in a file.

Results are plain dataclasses, and `gilscope.documents` writes and reads them by their fields alone. Workers import some
of them, so this imports the standard library and little of that.

Examples
--------
>>> from dataclasses import dataclass, field
>>> @dataclass(frozen=True)
... class Look:
...     kind: Annotated[str, OneOf("fine", "coarse")]
...     wall_ns: Natural
...     class_: str = field(default="", metadata=in_file(name="class"))
"""

from dataclasses import dataclass
from typing import Annotated, Any

#: Keys of a field's metadata.
NAME, NULL, BY_COLUMN, MAY_LACK, LEFT_OUT = (f"gilscope.{key}" for key in ("name", "null", "column", "lack", "out"))


#: A sum of shares may miss 1 in its last digits.
_SLACK = 1e-9


@dataclass(frozen=True, slots=True)
class Range:
    """What a number lies in; None where it has no such end.

    Parameters
    ----------
    least, most : float or None
        Ends that it may reach.
    above, below : float or None
        Ends that it may not reach.
    """

    least: float | None = None
    most: float | None = None
    above: float | None = None
    below: float | None = None

    def __contains__(self, value: float) -> bool:
        return (
            (self.least is None or value >= self.least - _SLACK)
            and (self.most is None or value <= self.most + _SLACK)
            and (self.above is None or value > self.above)
            and (self.below is None or value < self.below)
        )

    def __str__(self) -> str:
        ends = (("from", self.least), ("above", self.above), ("up to", self.most), ("below", self.below))
        return " ".join(f"{word} {end:g}" for word, end in ends if end is not None)


@dataclass(frozen=True, slots=True, init=False)
class OneOf:
    """The texts that a text may be."""

    texts: tuple[str, ...]

    def __init__(self, *texts: str) -> None:
        object.__setattr__(self, "texts", texts)


@dataclass(frozen=True, slots=True)
class DescribedBy:
    """The dataclass whose fields an object of a file has, though it is read as it is: a newer one may have others.

    Parameters
    ----------
    name : str
        ``"module:class"``, for it may stand above those that read.
    may_be_empty : bool, optional
        Whether there may be none of them.
    """

    name: str
    may_be_empty: bool = False


Natural = Annotated[int, Range(least=0)]
Positive = Annotated[int, Range(least=1)]
NotNegative = Annotated[float, Range(least=0)]
AboveZero = Annotated[float, Range(above=0)]
#: A part of a whole.
Part = Annotated[float, Range(least=0, most=1)]


def in_file(
    *,
    name: str = "",
    null: float | None = None,
    by_column: bool = False,
    may_lack: bool = False,
    left_out: bool = False,
) -> dict[str, Any]:
    """Return the metadata of a field that a file has otherwise than the class.

    Parameters
    ----------
    name : str, optional
        What it is called there.
    null : float, optional
        The number that null stands for, which JSON has no text for.
    by_column : bool, optional
        Whether a list of objects is an object of lists there, one for each of their fields.
    may_lack : bool, optional
        Whether older files do not have it; it is its default then.
    left_out : bool, optional
        Whether no file has it.
    """
    given = {NAME: name, NULL: null, BY_COLUMN: by_column, MAY_LACK: may_lack, LEFT_OUT: left_out}
    return {key: value for key, value in given.items() if value not in ("", None, False)}
