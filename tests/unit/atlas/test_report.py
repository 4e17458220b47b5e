"""What an atlas looks like: whole tables compared as text, and a page that stands alone."""

import io
from html.parser import HTMLParser
from typing import Any

from rich.console import Console

from gilscope.report import atlas, atlas_page

TABLE = """\
Mine - gilscope 0.1.0 - CPython 3.13.0 - 2 CPUs
call    class            released       longest hold  releases  each    2 threads         2 processes    pays

sums
crc     releases         96 %           106 µs        1         813 µs  1.83 (1.60-2.00)  1.90 (2.00)    threads
loop    Python bytecode  0 %            2.55 ms       0         -       ? (1.00)          ? (1.50-2.00)  processes

rest
unsure  undecided        50 % [10, 90]  1 ms          0.5       100 µs  1.10 (1.20-1.40)  ? (1.20-1.40)  neither

4 calls: 1 releases; 1 Python bytecode; 1 undecided; 1 not installed
?: this machine gave no second CPU (loop), so that only predictions are left
?: not measured: it raises (unsure), so that only predictions are left
not installed: no_such (<b>|gone*)
2 measured by ledger; it does not see who; it costs little
1 measured by witness (no ledger: a test says so); it does not see what, where; it costs more
"""

MARKDOWN = """\
**Mine - gilscope 0.1.0 - CPython 3.13.0 - 2 CPUs**

| call | class | released | longest hold | releases | each | 2 threads | 2 processes | pays |
| --- | --- | --- | --- | --- | --- | --- | --- | --- |
| crc | releases | 96 % | 106 µs | 1 | 813 µs | 1.83 (1.60-2.00) | 1.90 (2.00) | threads |
| loop | Python bytecode | 0 % | 2.55 ms | 0 | - | ? (1.00) | ? (1.50-2.00) | processes |
| unsure | undecided | 50 % \\[10, 90\\] | 1 ms | 0.5 | 100 µs | 1.10 (1.20-1.40) | ? (1.20-1.40) | neither |
"""


LEDGER = {"mechanism": "ledger", "cost": "little", "blind_to": ["who"]}
WITNESS = {"mechanism": "witness (no ledger: a test says so)", "cost": "more", "blind_to": ["what", "where"]}


def way(estimate: float | None, low: float, high: float) -> dict[str, Any]:
    speed_up = estimate and {"estimate": estimate, "low": estimate, "high": None}
    predicted = {"low": low, "high": high, "limit": "CPUs"}
    return {"n_workers": 2, "speed_up": speed_up, "predicted": predicted, "absent": "" if speed_up else "it raises"}


def row(name: str, kind: str, group: str, **figures: Any) -> dict[str, Any]:
    code = {"setup": "x = '</script>'", "statement": "f(x)", "python": "CPython 3.13.0"}
    nothing = {"released": None, "threads": None, "processes": None, "second_cpu": None, "pays": "", "advice": ""}
    how = {"mechanism": "", "cost": "", "blind_to": []} if "failure" in figures else LEDGER
    return {
        **code,
        **nothing,
        **how,
        "name": name,
        "class": kind,
        "group": group,
        "failure": "",
        "notes": [],
        **figures,
    }


def share(estimate: float, low: float, high: float) -> dict[str, float]:
    return {"estimate": estimate, "low": low, "high": high}


ROWS = [
    row(
        "crc",
        "releases",
        "sums",
        released=share(0.96, 0.95, 0.97),
        longest_hold_ns=106_000,
        releases=1.0,
        mean_release_ns=813_000.0,
        threads=way(1.83, 1.6, 2.0),
        processes=way(1.9, 2.0, 2.0),
        second_cpu=True,
        pays="threads",
        advice="Threads pay: it works.",
    ),
    row(
        "loop",
        "Python bytecode",
        "sums",
        released=share(0.0, 0.0, 0.0),
        longest_hold_ns=2_550_000,
        releases=0.0,
        mean_release_ns=None,
        threads=way(1.02, 1.0, 1.0),
        processes=way(1.05, 1.5, 2.0),
        second_cpu=False,
        pays="processes",
    ),
    row(
        "unsure",
        "undecided",
        "rest",
        released=share(0.5, 0.1, 0.9),
        longest_hold_ns=1_000_000,
        releases=0.5,
        mean_release_ns=100_000.0,
        threads=way(1.1, 1.2, 1.4),
        processes=way(None, 1.2, 1.4),
        second_cpu=True,
        pays="neither",
        **WITNESS,
    ),
    row("<b>|gone*", "not installed", "rest", failure="not installed:\nno_such"),
]
DATA = {"title": "Mine", "tool": "gilscope 0.1.0", "machine": {"usable_cpus": 2}, "rows": ROWS}


def drawn(rows: list[dict[str, Any]], width: int = 160) -> str:
    """Return the table as text, without the spaces that end its lines."""
    stream = io.StringIO()
    atlas.render(DATA, rows, Console(file=stream, width=width))
    return "\n".join(line.rstrip() for line in stream.getvalue().splitlines()) + "\n"


def test_a_table_has_a_row_for_every_call() -> None:
    """Groups stand apart; a figure that nothing could measure is a question mark, with the prediction beside it."""
    assert drawn(ROWS)[: len(TABLE)] == TABLE


def test_calls_that_are_not_here_are_named_once() -> None:
    """With what they lack; many of them are counted."""
    lacking = [row(f"numpy.f{i}", "not installed", "rest", failure="not installed: numpy") for i in range(64)]
    for text in (drawn([*ROWS, *lacking]), atlas.markdown(DATA, [*ROWS, *lacking])):
        assert text.count("not installed: numpy") == 1
        assert "not installed: numpy (64 calls)" in text
        assert "numpy.f1" not in text
    assert "not installed: numpy (numpy.f0; numpy.f1)" in drawn(lacking[:2])


def test_no_rows_make_an_empty_table() -> None:
    """Where no row passes the filters, the table says so."""
    assert "no calls" in drawn([])


def test_a_narrow_terminal_cuts_no_figure() -> None:
    """Every figure of the table stands in it whole, whatever its width."""
    for figure in ("1.83 (1.60-2.00)", "106 µs", "not installed: no_such"):
        assert figure in drawn(ROWS, width=60)


def test_markdown_escapes_what_means_something_there() -> None:
    """A name is shown as it is, whatever it holds."""
    assert atlas.markdown(DATA, ROWS)[: len(MARKDOWN)] == MARKDOWN


def test_every_form_says_how_it_was_measured() -> None:
    """Whoever reads the table, the Markdown or the page learns what the figures rest on, and what that cannot see."""
    for told in (drawn(ROWS), atlas.markdown(DATA, ROWS), atlas_page.page(DATA, ROWS)):
        assert "measured by ledger; it does not see who; it costs little" in told
        assert "measured by witness (no ledger: a test says so); it does not see what, where" in told


class Page(HTMLParser):
    """What a page holds: its tags and its text by tag."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        tag = self.tags[-1][0] if self.tags else ""
        self.texts[tag] = self.texts.get(tag, "") + data


def parsed() -> Page:
    page = Page()
    page.feed(atlas_page.page(DATA, ROWS))
    return page


def test_a_page_needs_nothing_from_elsewhere() -> None:
    """No address, no file: style and script are in it, and it opens where there is no network."""
    tags = parsed().tags
    assert not [attributes for _, attributes in tags if attributes.keys() & {"src", "href", "action"}]
    assert "http" not in atlas_page.page(DATA, ROWS)


def test_a_page_has_a_row_for_every_call_with_its_code() -> None:
    """Code and advice are there to unfold; nothing that a call holds becomes a part of the page."""
    page = parsed()
    names = [tag for tag, _ in page.tags]
    assert names.count("tr") == 1 + len(ROWS)
    assert names.count("script") == names.count("table") == 1
    assert "b" not in names
    assert page.texts["pre"].count("x = '</script>'") == len(ROWS)
    assert "Threads pay: it works." in page.texts["p"]


def test_a_page_sorts_by_what_was_measured_or_predicted() -> None:
    """Cells hold the figures that they are sorted by; cells without one hold none."""
    cells = [attributes.get("data-v") for tag, attributes in parsed().tags if tag == "td"]
    assert cells[:10] == ["sums", "crc", "releases", "0.96", "106000", "1.0", "813000.0", "1.83", "1.9", "threads"]
    assert cells[17] == "1.0"  # predicted, for there was no second CPU
    assert cells[-7:] == [None] * 7
