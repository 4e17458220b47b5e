"""Every kind in every format: no text does harm, nothing is wider than the terminal, and no figure is broken."""

import re
from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from html.parser import HTMLParser
from typing import Any

import fakes
import pytest
from results import RESULTS

from gilscope.cli import formats
from gilscope.cli.kinds import KINDS
from gilscope.errors import CannotRunError
from gilscope.report import harmless, html, text
from gilscope.report.blocks import (
    GOOD,
    QUIET,
    Answer,
    Block,
    Caution,
    Code,
    Column,
    Fact,
    Facts,
    Heading,
    Line,
    Sentences,
    Table,
)
from gilscope.showing import named

Blocks = tuple[Block, ...]
#: One of every block.
EVERY: Blocks = (
    Heading("gilscope 0.1.0 - CPython 3.13.0"),
    Facts((Fact("one call", "12.3 ms"), Fact("fix", "type this:", ("pip install x", "")), Fact("", "and go on"))),
    Table(
        (
            Column("place"),
            Column("verdict", wraps=True),
            Column("of ceiling", drop=3),
            Column("takes", align="right", drop=1),
            Column("mean", align="right", drop=2),
        ),
        (
            Line(("/usr/lib/python3/dist-packages/numpy/_core/_multiarray_umath.so", "scales", "1", "3", "1 s"), GOOD),
            Line(
                ("x", "memory-bound: a second CPU adds nothing", "0.98 [0.97, 0.99]*", "1 000 000", "12.3 ms"), "", ""
            ),
            Line(
                ("y", "", "-", "-", "-"), QUIET, "a name", Facts((Fact("advice", "unfold"), Fact("code", "", ("f()",))))
            ),
        ),
        toned=1,
    ),
    Heading("below"),
    Sentences(("processes are 1.91 [1.88, 1.93] times as fast as one, in 38 s of 1 000 000 rounds", ""), QUIET),
    Caution("steal 12 %", "the host gave CPU time to others; run it again"),
    Code("Traceback:\n\tnothing `at` ```all```", "what it printed"),
    Answer("Threads reach what processes reach.", GOOD),
)
SAMPLES: dict[str, Callable[[], Blocks]] = {
    "every block": lambda: EVERY,
    "no block": lambda: (),
    "empty blocks": lambda: (
        Facts(()),
        Table((Column(""),), ()),
        Table((), ()),
        Sentences(()),
        Heading(""),
        Answer(""),
    ),
    **{name: lambda kind=KINDS[name], made=made: kind.blocks(made) for name, made in RESULTS.items()},
}
FORMATS: dict[str, Callable[[Blocks], str]] = {
    "terminal of 80": lambda blocks: text.render(blocks, 80),
    "fragment": html.fragment,
    **{name: named(form.draws) for name, form in formats.FORMATS.items() if form.draws},
}
#: Those that a browser is given.
TAGGED = {"fragment", "html"}
WIDTHS = (40, 60, 80, 100, 120, 160)
HARMFUL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069\u2028\u2029]")
ATTRIBUTES = {"class", "style", "data-name", "colspan", "lang", "charset", "http-equiv", "content", "name"}
HOSTILE = (
    "\x1b]0;pwned\x07\x1b[31m",
    "\x9b31m",
    "\x00",
    "\x7f",
    "a\rb\nc\td\x0b",
    "\u202eabc\u2066\u200e\u200f\u061c",
    "\u2028\u2029",
    "\ud800",
    "<script>alert(1)</script>",
    "'\"><img src=x onerror=alert(1)><svg onload=alert(1)>",
    "[red]x[/red][/]",
    "[a](javascript:alert(1)) ![b](http://x.y/z) <http://x.y> http://x.y www.x.y",
    "a|b`*_~$<>&lt;\\",
    "```\n~~~",
    "{{ 7 * 7 }}{% raw %}",
    # More than is drawn of a cell, and far more than a line has.
    "9" * 1100,
    "zx" * 550,
)


def hostile(value: Any, said: str) -> Any:
    """Return blocks with a text in place of every text, but for those that are words of blocks' own."""
    if isinstance(value, tuple):
        return tuple(hostile(one, said) for one in value)
    if is_dataclass(value) and not isinstance(value, type):
        own = {"tone", "align"}
        return replace(
            value, **{f.name: hostile(getattr(value, f.name), said) for f in fields(value) if f.name not in own}
        )
    return said if isinstance(value, str) else value


def test_every_kind_is_walked() -> None:
    """A kind without a sample here would be held to nothing."""
    assert RESULTS.keys() == {name for name, kind in KINDS.items() if kind.view}


def spoilt(value: Any, said: str) -> Any:
    """Return a result with a text in place of every text, as a file may hold it."""
    if isinstance(value, dict):
        return {key: spoilt(one, said) for key, one in value.items()}
    if isinstance(value, tuple | list):
        return type(value)(spoilt(one, said) for one in value)
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{f.name: spoilt(getattr(value, f.name), said) for f in fields(value) if f.init})
    return said if isinstance(value, str) else value


@pytest.mark.parametrize("kind", RESULTS)
@pytest.mark.parametrize("said", [*HOSTILE, ""], ids=lambda said: ascii(said)[:20])
def test_no_text_of_a_result_does_harm(kind: str, said: str) -> None:
    """Whatever a view makes of it on its way to a block."""
    blocks = KINDS[kind].blocks(spoilt(RESULTS[kind], said))
    for form, draw in FORMATS.items():
        drawn = draw(blocks)
        assert not HARMFUL.search(drawn), form
        if form == "markdown":  # between fences nothing is markup, and a fence is longer than any in its text
            drawn = re.sub(r"(?ms)^(`{3,})\n.*?^\1$", "", drawn)
        if form in TAGGED | {"markdown"}:
            assert not re.search(r"(?<!\\)<(script|img|svg|a )", drawn), form


def _parts(value: Any) -> dict[str, Any]:
    return {f.name: getattr(value, f.name) for f in fields(value) if f.name not in {"tone", "align"}}


class Tags(HTMLParser):
    """Collects what a page consists of."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.open: list[str] = []
        self.csp = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if dict(attrs).get("http-equiv") == "Content-Security-Policy":
            self.csp = dict(attrs)["content"] or ""
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("kind", SAMPLES)
@pytest.mark.parametrize("said", HOSTILE, ids=lambda said: ascii(said)[:20])
def test_no_text_does_harm(kind: str, said: str) -> None:
    """It reaches no format but as letters that are shown: not the terminal's controls, nor a page's markup."""
    blocks = hostile(SAMPLES[kind](), said)
    for form, draw in FORMATS.items():
        drawn = draw(blocks)
        assert not HARMFUL.search(drawn), form
        drawn.encode()
        if form in TAGGED:
            tags = Tags()
            tags.feed(drawn)
            assert tags.open == [], form
            assert tags.tags.isdisjoint({"script", "img", "svg", "a", "link", "iframe"}), form
            assert tags.attributes <= ATTRIBUTES, form
            assert "49" not in drawn, form


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("kind", SAMPLES)
def test_every_kind_has_every_format(kind: str, form: str) -> None:
    """With each word of each of its texts, but where a narrow terminal says what it leaves out."""
    blocks = SAMPLES[kind]()
    drawn = FORMATS[form](blocks)
    plain = re.sub(r"\\(?=\W)|\*\*", "", re.sub(r"<br>|&#39;|&gt;", " ", drawn))
    if form == "terminal of 80":
        return
    for said in _texts(blocks, unfolded=form in TAGGED):
        for word in re.findall(r"[\w.]+", said):
            assert word in plain, word


def _texts(value: Any, *, unfolded: bool = False) -> list[str]:
    """Return the texts of blocks, with what only a page unfolds or without."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, tuple):
        return [said for one in value for said in _texts(one, unfolded=unfolded)]
    if is_dataclass(value) and not isinstance(value, type):
        names = [f.name for f in fields(value) if f.name not in {"tone", "align", *(() if unfolded else ("more",))}]
        return [said for name in names for said in _texts(getattr(value, name), unfolded=unfolded)]
    return []


@pytest.mark.parametrize("kind", SAMPLES)
@pytest.mark.parametrize("said", ["", *HOSTILE, "漢字" * 50, "a word " * 50], ids=lambda said: ascii(said)[:20])
def test_nothing_is_wider_than_the_terminal(kind: str, said: str) -> None:
    """But for code, which is kept as it is."""
    blocks = SAMPLES[kind]()
    blocks = tuple(
        replace(block, rows=tuple(replace(row, code=()) for row in block.rows)) if isinstance(block, Facts) else block
        for block in (hostile(blocks, said) if said else blocks)
        if not isinstance(block, Code)
    )
    for width in WIDTHS:
        for line in text.render(blocks, width).splitlines():
            assert _cells(line) <= width, (width, line)


def _cells(line: str) -> int:
    return sum(2 if "\u3400" < c < "\u9fff" else 1 for c in line)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("kind", SAMPLES)
def test_nothing_breaks_inside_a_word_or_a_figure(kind: str, width: int) -> None:
    """What is shown is whole; only a word that is longer than its column has an ellipsis, in its middle."""
    blocks = SAMPLES[kind]()
    allowed = {word for said in _texts(blocks) for word in said.split()}
    drawn = text.render(blocks, width)
    left_out = " ".join(drawn.split()).partition("Not shown at")[2].partition(".")[0]
    for word in re.sub(r"Not shown at \d+\s+columns: [^.]*\.|^caution:", "", drawn, flags=re.MULTILINE).split():
        head, cut, tail = word.partition("…")
        parts = [one for one in allowed if one.startswith(head) and one.endswith(tail)] if cut else []
        assert parts or {word, word.removesuffix(":")} & allowed, word
    for block in blocks:
        if isinstance(block, Table):
            for i, column in enumerate(block.columns):
                for line in block.lines:
                    if column.name not in left_out and re.match(r"[\d.]", line.cells[i]):
                        assert line.cells[i] in drawn, (column.name, line.cells[i])


def test_columns_are_left_out_in_their_order() -> None:
    """The one that names 1 first; and what was left out is said."""
    drawn = {width: " ".join(text.render(EVERY, width).split()) for width in WIDTHS}
    said = {width: drawn[width].partition(f"Not shown at {width} columns: ")[2].partition(".")[0] for width in WIDTHS}
    assert said == {
        40: "of ceiling, takes, mean",
        60: "of ceiling, takes, mean",
        80: "takes",
        100: "",
        120: "",
        160: "",
    }


def test_a_text_of_megabytes_is_cut() -> None:
    """In its middle, and how much is said; what is drawn of it stays small."""
    blocks = hostile(EVERY, "x y" * 3_000_000)
    for form, draw in FORMATS.items():
        drawn = draw(blocks)
        assert len(drawn) < 2_000_000, form
        assert re.search(r"8 99\d\s000\s+characters", drawn.replace("\\", "")), form


def test_code_keeps_its_lines() -> None:
    """And nothing else does."""
    code = Code("a\n\tb\r\nc\x1b")
    assert harmless.harmless([code]) == (Code("a\n\tb\nc\\x1b"),)
    assert text.render([code], 80) == "a\n        b\nc\\x1b"
    assert text.render([Sentences(("a\nb",))], 80) == r"a\nb"


def test_letters_of_every_language_are_shown() -> None:
    """Only what is no letter is escaped."""
    said = "µ ± ü 漢字 עברית क्\u200dष 👩\u200d💻"
    assert harmless.line(said) == said


def test_a_page_runs_and_asks_for_nothing() -> None:
    """The browser is told so as well."""
    tags = Tags()
    tags.feed(html.page(EVERY))
    assert "default-src 'none'" in tags.csp
    assert "script-src" not in tags.csp


def test_without_jinja2_a_notebook_has_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """And a page that was asked for is refused, with what would help."""
    html._template.cache_clear()
    monkeypatch.setitem(__import__("sys").modules, "jinja2", None)
    assert fakes.hand_made()._repr_html_() is None
    with pytest.raises(CannotRunError, match=r"pip install 'gilscope\[report\]'"):
        html.page(EVERY)
    html._template.cache_clear()
