# ruff: noqa: E501 - patterns are as long as their sentences
"""`gilscope atlas`: what stands below the table explains every row of it, and counts what is there."""

from math import inf, isnan, nan

from atlases import atlas, row
from atlases import way as way_of
from claims import Drawn, Vocabulary, examples, number, reads, reads_share
from hypothesis import given
from hypothesis import strategies as st

from gilscope.atlas import view
from gilscope.atlas.result import AtlasResult, PredictedRange, Row, SpeedUp, Way
from gilscope.probing.shares import Share
from gilscope.report import text
from gilscope.report.terminal import NO_WIDTH

CLASSES = ("releases", "Python bytecode", "waits", "undecided")
FIGURES = (0.0, 1e-7, 0.004, 0.63, 1.0, 1.996, 12.0, 640.0)


def way(draw: st.DrawFn) -> Way:
    low, high = sorted(draw(st.sampled_from(FIGURES)) for _ in range(2))
    speed_up = draw(
        st.sampled_from(
            [None, SpeedUp(nan, 0.0, inf), *(SpeedUp(gave, gave, inf) for gave in (1e-7, 0.97, 1.996, 250.0))]
        )
    )
    return Way(
        n_workers=draw(st.sampled_from([1, 2, 2, 64])),
        speed_up=speed_up,
        predicted=PredictedRange(low=low, high=high, limit="CPUs"),
        absent="" if speed_up else draw(st.sampled_from(["", "on a thread it raises", "not measured"])),
    )


@st.composite
def rows(draw: st.DrawFn) -> Row:
    """Draw a row: a call that was measured in whole or in part, that failed, or that is not there."""
    kind, name = draw(st.sampled_from([*CLASSES, "failed", "not installed"])), draw(st.sampled_from("abcdefghij"))
    if kind in CLASSES:
        low, share, high = sorted(draw(st.sampled_from((0.0, 0.002, 0.4, 0.998, 1.0))) for _ in range(3))
        numbers = {
            name: draw(st.sampled_from([None, 0.0, 0.25, 1e9]))
            for name in ("longest_hold_ns", "releases", "mean_release_ns")
        }
        return row(
            name,
            kind,
            wall_ns=1e6,
            mechanism=draw(st.sampled_from(["ledger", "sampler"])),
            cost=draw(st.sampled_from(["little", "more"])),
            blind_to=draw(st.sampled_from([(), ("who",), ("who", "what")])),
            released=Share(share, low, high),
            threads=way(draw),
            processes=way(draw),
            second_cpu=draw(st.sampled_from([True, False, None])),
            pays="threads",
            **numbers,
        )
    return row(name, kind, failure={"failed": "ended by SIGSEGV", "not installed": "not installed: nothing"}[kind])


@st.composite
def atlases(draw: st.DrawFn) -> Drawn:
    result = atlas(*draw(st.lists(rows(), max_size=8)), n_cpus=draw(st.integers(1, 3)))
    return Drawn(result, text.render(view.blocks(result), NO_WIDTH))


BELOW = Vocabulary()


@BELOW.claim(r"<n:count> calls?: (?P<each>.+)")
def _(result: AtlasResult, n: str, each: str) -> bool:
    counts = dict(one.split(" ", 1)[::-1] for one in each.split("; "))
    found = [row.class_ for row in result.rows]
    return number(n) == len(found) and counts == {kind: str(found.count(kind)) for kind in set(found)}


@BELOW.claim("no calls")
def _(result: AtlasResult) -> bool:
    return not result.rows


def questions(result: AtlasResult) -> list[tuple[Row, Way]]:
    """Return what stands in the cells of the table that hold a question mark."""
    found = [(row, way) for row in result.rows for way in (row.threads, row.processes) if way is not None]
    return [(row, way) for row, way in found if view.speed_up(way, second_cpu=row.second_cpu).startswith("?")]


def is_measured(way: Way) -> bool:
    return way.speed_up is not None and not isnan(way.speed_up.estimate)


def named(names: str, meant: set[str]) -> bool:
    return set(names.split("; ")) == meant or names == f"{len(meant)} calls"


@BELOW.claim(
    r"\?: (?P<why>this machine gave no second CPU|it could not be told whether this machine gave a second CPU) \((?P<names>.+?)\), so that only predictions are left"
)
def _(result: AtlasResult, why: str, names: str) -> bool:
    given = False if "gave no" in why else None
    meant = {row.name for row, way in questions(result) if row.second_cpu is given and is_measured(way)}
    return bool(meant) and named(names, meant)


@BELOW.claim(r"\?: not measured: (?P<why>.+?) \((?P<names>.+?)\), so that only predictions are left")
def _(result: AtlasResult, why: str, names: str) -> bool:
    gone = [(row, way) for row, way in questions(result) if not is_measured(way)]
    return named(names, {row.name for row, way in gone if (way.absent or "too few rounds") == why})


@BELOW.claim(r"(?P<kind>not installed|failed): (?:nothing|ended by SIGSEGV) \((?P<names>.+?)\)")
def _(result: AtlasResult, kind: str, names: str) -> bool:
    return named(names, {row.name for row in result.rows if row.class_ == kind})


@BELOW.claim(r"<n:count> measured by (?P<name>\w+); it does not see (?P<blind>.+?); it costs (?P<cost>\w+)")
def _(result: AtlasResult, n: str, name: str, blind: str, cost: str) -> bool:
    its = [
        row
        for row in result.rows
        if (row.mechanism, ", ".join(row.blind_to) or "nothing known", row.cost) == (name, blind, cost)
    ]
    return number(n) == len(its) > 0


def contradictions(result: AtlasResult) -> list[str]:
    below = [*view.footer(result.rows), view.sum_of(result.rows)]
    wrong = [words for line in below for words in BELOW.contradictions(line, result)]
    reasons = {why for row, way in questions(result) if (why := view.unmeasured(way, second_cpu=row.second_cpu))}
    wrong += [why for why in reasons if not any(line.startswith(f"?: {why} (") for line in below)]
    failed = {view.failure(row) for row in result.rows if row.failure}
    wrong += [why for why in failed if not any(line.startswith(f"{why} (") for line in below)]
    wrong += [words for row in result.rows if not row.failure for words in wrong_cells(row)]
    ways = [column.name for column in view.columns(result.rows)][6:8]
    for name, shown in zip(ways, ("threads", "processes"), strict=True):
        widths = {way.n_workers for row in result.rows if (way := getattr(row, shown))}
        if not name.startswith("n ") and {number(name.split()[0])} != widths:
            wrong.append(name)
    cpus = result.machine.usable_cpus
    ends_well = view.heading(result).endswith(f"{cpus} CPU{'' if cpus == 1 else 's'}")
    return wrong + ([] if ends_well else [view.heading(result)])


def wrong_cells(row: Row) -> list[str]:
    """Return the cells of a row that are not what its figures are."""
    assert row.released is not None
    wrong, share = [], view.released(row.released)
    if not reads_share(share.partition(" [")[0], row.released.estimate):
        wrong.append(share)
    for way in (row.threads, row.processes):
        assert way is not None
        told = view.speed_up(way, second_cpu=row.second_cpu)
        shown = told.split()[0]
        if shown in ("?", "under"):
            continue
        if not (row.second_cpu and way.speed_up is not None and reads(shown, way.speed_up.estimate)):
            wrong.append(told)
    return wrong


@examples(300)
@given(atlases())
def test_nothing_below_an_atlas_says_what_its_rows_exclude(drawn: Drawn) -> None:
    """With rows of every class and none, question marks for every reason, and mechanisms that differ in what they see."""
    assert contradictions(drawn.facts) == []


def test_a_question_mark_is_never_left_without_its_reason() -> None:
    """That a second CPU could not be told is not said as that there was none, and has its own line."""
    unknown = way_of(1.7, 2.0, 2.0)
    found = row("crc", "releases", released=Share(1, 1, 1), threads=unknown, processes=unknown, wall_ns=1e6)
    assert view.footer([found])[0] == (
        "?: it could not be told whether this machine gave a second CPU (crc), so that only predictions are left"
    )
