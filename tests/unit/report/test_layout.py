"""Lines that break between words and in no figure, and tables that leave out what there is no room for."""

import pytest
from claims import examples
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from gilscope.report import text
from gilscope.report.blocks import Column, Line, Table
from gilscope.report.layout import GAP, fit, shorten, wrap

FIGURES = ("0.98 [0.97, 0.99]*", "16 705 [10 153, 22 020]", "1.90 [?]", "12.3 ms", "1 000 000", "0.1 %")
FIGURES += ("6.1 µs [5.8 µs, 6.9 µs]", "96.9 % [96.7, 97.0]")
WORDS = ("a", "-", "processes", "漢字漢字漢字", "/usr/lib/python3/dist-packages/numpy/_core/_multiarray_umath.so", "")
CELLS = st.lists(st.sampled_from([*FIGURES, *WORDS]), max_size=4).map(" ".join)


@st.composite
def tables(draw: st.DrawFn) -> Table:
    """Draw a table of any columns and cells."""
    n_columns = draw(st.integers(1, 9))
    columns = tuple(
        Column(
            draw(st.sampled_from(["", "here and now", "x"])),
            draw(st.sampled_from(["left", "right"])),
            draw(st.integers(0, 3)),
            draw(st.booleans()),
        )
        for _ in range(n_columns)
    )
    lines = draw(st.lists(st.tuples(*[CELLS] * n_columns), min_size=1, max_size=4))
    return Table(columns, tuple(Line(cells, "", draw(st.sampled_from([None, "", "a name"]))) for cells in lines))


@examples(300)
@given(CELLS, st.integers(1, 60))
def test_a_line_breaks_between_words(said: str, width: int) -> None:
    """Each word and figure is whole, unless it is wider than any line."""
    lines = wrap(said, width)
    assert all(cell_len(line) <= width for line in lines)
    if all(cell_len(part) <= width for part in said.split()):
        assert " ".join(lines).split() == said.split()
    for figure in FIGURES:
        if figure in said and cell_len(figure) <= width:
            assert any(figure in line for line in lines)


@pytest.mark.parametrize("width", range(12))
def test_a_long_word_keeps_its_ends(width: int) -> None:
    """As much of the one as of the other, and never more than there is room for."""
    for word in ("abcdefghijklm", "漢字漢字漢字漢字"):
        short = shorten(word, width)
        assert cell_len(short) <= width
        head, _, tail = short.partition("…")
        assert word.startswith(head)
        assert word.endswith(tail)
        assert abs(len(head) - len(tail)) <= 1
    assert shorten("abc", 3) == "abc"


@examples(300)
@given(tables(), st.sampled_from([40, 60, 80, 100, 120, 160]))
def test_a_table_fits(table: Table, width: int) -> None:
    """What is left out comes in its order, none that is never left out, and nothing where all has room."""
    fitted = fit(table, width)
    assert all(cell_len(line) <= width for line in text.render([table], width).splitlines())
    whole = fit(table, 10**6)
    assert whole is not None
    assert whole.shown == tuple(range(len(table.columns)))
    if fitted is None:
        return
    assert sum(fitted.widths) + GAP * (len(fitted.widths) - 1) <= width
    gone = [column.drop for i, column in enumerate(table.columns) if i not in fitted.shown]
    kept = [table.columns[i].drop for i in fitted.shown]
    assert 0 not in gone
    assert max(gone, default=0) <= min((drop for drop in kept if drop), default=10)
    if sum(whole.widths) + GAP * (len(whole.widths) - 1) <= width:
        assert fitted == whole
