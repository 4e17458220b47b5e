"""What a report consists of. A question's view turns its result into blocks; a format draws blocks and knows no result.

    (
        Heading("gilscope 0.1.0 - CPython 3.13.0, GIL on - 2 of 2 CPUs - quad"),
        Table((Column("strategy"), Column("of ceiling", drop=1)), (Line(("2 threads", "0.98 [0.97, 0.99]"), GOOD),)),
        Answer("Threads reach what processes reach."),
    )

Every text is untrusted, and plain: a format escapes it, and nothing in it is markup.
"""

from dataclasses import dataclass
from typing import Literal

#: How a line or an answer is to be taken; a format gives each a colour of its own, and none says a thing by it alone.
Tone = Literal["", "good", "partly", "bad", "quiet"]
GOOD: Tone = "good"
PARTLY: Tone = "partly"
BAD: Tone = "bad"
QUIET: Tone = "quiet"


@dataclass(frozen=True, slots=True)
class Heading:
    """A line above what follows; the first of a document is its title."""

    text: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What the reader came for: it stands out, and stands first or last."""

    text: str
    tone: Tone = ""


@dataclass(frozen=True, slots=True)
class Sentences:
    """A paragraph for each text: how it was measured, and what the figures cannot say."""

    texts: tuple[str, ...]
    tone: Tone = ""


@dataclass(frozen=True, slots=True)
class Caution:
    """What stands in the way of an answer here.

    Parameters
    ----------
    short : str
        What was seen this time: ``"steal 12 %"``.
    general : str
        What that means whenever it is seen, and what helps.
    """

    short: str
    general: str


@dataclass(frozen=True, slots=True)
class Fact:
    """A label with its value, and lines below it that are to be typed as they stand."""

    label: str
    value: str
    code: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Facts:
    """Labels with their values, one below another; a fact without a label goes on with the one above."""

    rows: tuple[Fact, ...]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table.

    Parameters
    ----------
    name : str
    align : {"left", "right"}
    drop : int, default 0
        Where the lines are longer than the terminal, columns are left out: the one with 1 first, then 2, and so on.
        0 is never left out. What was left out is said below the table.
    wraps : bool, default False
        Whether its cells may be broken between words where nothing is left to drop.
    """

    name: str
    align: Literal["left", "right"] = "left"
    drop: int = 0
    wraps: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a table: as many cells as the table has columns.

    Parameters
    ----------
    cells : tuple of str
    tone : Tone
        Of the table's toned column.
    group : str or None
        A name that stands alone above this line and those after it; ``""`` is an empty line; None goes on as before.
    more : Facts
        What a page unfolds at its first cell. Other formats leave it out, so that nothing may stand in it alone that
        the figures need.
    """

    cells: tuple[str, ...]
    tone: Tone = ""
    group: str | None = None
    more: Facts = Facts(())


@dataclass(frozen=True, slots=True)
class Table:
    """Lines under columns.

    Parameters
    ----------
    columns : tuple of Column
    lines : tuple of Line
    toned : int, default 0
        Which column the tone of a line is shown in.
    most_lines : int, default 0
        A terminal shows so many, and says how many more there are; 0 is all. Other formats show all.
    """

    columns: tuple[Column, ...]
    lines: tuple[Line, ...]
    toned: int = 0
    most_lines: int = 0


@dataclass(frozen=True, slots=True)
class Code:
    """Text to be kept as it is: a traceback, what a program printed."""

    text: str
    title: str = ""


Block = Heading | Answer | Sentences | Caution | Facts | Table | Code
