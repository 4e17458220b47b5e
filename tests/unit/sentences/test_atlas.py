# ruff: noqa: E501 - patterns are as long as their sentences
"""`gilscope atlas`: what stands below the table explains every row of it, and counts what is there."""

from typing import Any

from claims import Drawn, Vocabulary, examples, number, reads, reads_share
from hypothesis import given
from hypothesis import strategies as st

from gilscope.report import atlas, atlas_page

CLASSES = ("releases", "Python bytecode", "waits", "undecided")
FIGURES = (0.0, 1e-7, 0.004, 0.63, 1.0, 1.996, 12.0, 640.0)


def way(draw: st.DrawFn) -> dict[str, Any]:
    low, high = sorted(draw(st.sampled_from(FIGURES)) for _ in range(2))
    gave = draw(st.sampled_from([None, 1e-7, 0.97, 1.996, 250.0]))
    speed_up = draw(
        st.sampled_from(
            [gave and {"estimate": gave, "low": gave, "high": None}, {"estimate": None, "low": 0.0, "high": None}]
        )
    )
    absent = "" if speed_up else draw(st.sampled_from(["", "on a thread it raises", "not measured"]))
    return {
        "n_workers": draw(st.sampled_from([1, 2, 2, 64])),
        "speed_up": speed_up,
        "predicted": {"low": low, "high": high, "limit": "CPUs"},
        "absent": absent,
    }


@st.composite
def rows(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a row: a call that was measured in whole or in part, that failed, or that is not there."""
    kind = draw(st.sampled_from([*CLASSES, "failed", "not installed"]))
    row = {
        "name": draw(st.sampled_from("abcdefghij")),
        "class": kind,
        "group": "g",
        "setup": "",
        "statement": "f()",
        "python": "CPython 3.13.0",
        "notes": [],
        "advice": "",
        "failure": "",
    }
    how = {
        "mechanism": draw(st.sampled_from(["ledger", "sampler"])),
        "cost": draw(st.sampled_from(["little", "more"])),
        "blind_to": draw(st.sampled_from([[], ["who"], ["who", "what"]])),
    }
    if kind in CLASSES:
        low, share, high = sorted(draw(st.sampled_from((0.0, 0.002, 0.4, 0.998, 1.0))) for _ in range(3))
        numbers = {
            name: draw(st.sampled_from([None, 0.0, 0.25, 1e9]))
            for name in ("longest_hold_ns", "releases", "mean_release_ns")
        }
        ways = {name: way(draw) for name in ("threads", "processes")}
        return {
            **row,
            **how,
            **numbers,
            **ways,
            "released": {"low": low, "estimate": share, "high": high},
            "second_cpu": draw(st.sampled_from([True, False, None])),
            "pays": "threads",
        }
    failure = {"failed": "ended by SIGSEGV", "not installed": "not installed: nothing"}[kind]
    return {
        **row,
        "failure": failure,
        "mechanism": "",
        "cost": "",
        "blind_to": [],
        "threads": None,
        "processes": None,
        "second_cpu": None,
        "pays": "",
    }


@st.composite
def atlases(draw: st.DrawFn) -> Drawn:
    found = draw(st.lists(rows(), max_size=8))
    data = {
        "title": "Mine",
        "tool": "gilscope 0.1.0",
        "machine": {"usable_cpus": draw(st.integers(1, 3))},
        "rows": found,
    }
    return Drawn((data, found), atlas.markdown(data, found))


Facts = tuple[dict[str, Any], list[dict[str, Any]]]
BELOW = Vocabulary()


@BELOW.claim(r"<n:count> calls?: (?P<each>.+)")
def _(facts: Facts, n: str, each: str) -> bool:
    counts = dict(one.split(" ", 1)[::-1] for one in each.split("; "))
    found = [row["class"] for row in facts[1]]
    return number(n) == len(found) and counts == {kind: str(found.count(kind)) for kind in set(found)}


@BELOW.claim("no calls")
def _(facts: Facts) -> bool:
    return not facts[1]


def questions(facts: Facts) -> list[tuple[dict[str, Any], str]]:
    """Return the cells of the table that hold a question mark."""
    return [
        (row, way)
        for row in facts[1]
        if not row["failure"]
        for way in ("threads", "processes")
        if atlas.speed_up(row, way).startswith("?")
    ]


def named(names: str, meant: set[str]) -> bool:
    return set(names.split("; ")) == meant or names == f"{len(meant)} calls"


@BELOW.claim(
    r"\?: (?P<why>this machine gave no second CPU|it could not be told whether this machine gave a second CPU) \((?P<names>.+?)\), so that only predictions are left"
)
def _(facts: Facts, why: str, names: str) -> bool:
    given = False if "gave no" in why else None
    meant = {
        row["name"]
        for row, way in questions(facts)
        if row["second_cpu"] is given and (row[way]["speed_up"] or {}).get("estimate") is not None
    }
    return bool(meant) and named(names, meant)


@BELOW.claim(r"\?: not measured: (?P<why>.+?) \((?P<names>.+?)\), so that only predictions are left")
def _(facts: Facts, why: str, names: str) -> bool:
    gone = [(row, way) for row, way in questions(facts) if (row[way]["speed_up"] or {}).get("estimate") is None]
    return named(names, {row["name"] for row, way in gone if (row[way]["absent"] or "too few rounds") == why})


@BELOW.claim(r"not installed: nothing \((?P<names>.+?)\)")
def _(facts: Facts, names: str) -> bool:
    return (
        named(names, {row["name"] for row in facts[1] if row["class"] == "not installed"})
        or set(names.split("; ")) == {row["name"] for row in facts[1] if row["class"] == "not installed"}
        or names.endswith(" calls")
    )


@BELOW.claim(r"<n:count> measured by (?P<name>\w+); it does not see (?P<blind>.+?); it costs (?P<cost>\w+)")
def _(facts: Facts, n: str, name: str, blind: str, cost: str) -> bool:
    its = [
        row
        for row in facts[1]
        if (row["mechanism"], ", ".join(row["blind_to"]) or "nothing known", row["cost"]) == (name, blind, cost)
    ]
    return number(n) == len(its) > 0


def contradictions(facts: Facts) -> list[str]:
    data, found = facts
    below = atlas.footer(found)
    wrong = [words for line in below for words in BELOW.contradictions(line, facts)]
    reasons = {why for row, way in questions(facts) if (why := atlas._unmeasured(row, way))}
    wrong += [why for why in reasons if not any(line.startswith(f"?: {why} (") for line in below)]
    for row in found:
        if not row["failure"]:
            wrong += wrong_cells(row)
    for text, shown in zip(atlas.columns(found)[6:8], ("threads", "processes"), strict=True):
        widths = {row[shown]["n_workers"] for row in found if row[shown]}
        if not text.startswith("n ") and {number(text.split()[0])} != widths:
            wrong.append(text)
    cpus = data["machine"]["usable_cpus"]
    return wrong + (
        [] if atlas.heading(data).endswith(f"{cpus} CPU{'' if cpus == 1 else 's'}") else [atlas.heading(data)]
    )


def wrong_cells(row: dict[str, Any]) -> list[str]:
    """Return the cells of a row that are not what its figures are."""
    wrong, share = [], atlas.released(row)
    if not reads_share(share.partition(" [")[0], row["released"]["estimate"]):
        wrong.append(share)
    for way in ("threads", "processes"):
        shown = atlas.speed_up(row, way).split()[0]
        gave = row[way]["speed_up"]
        if shown not in ("?", "under") and not (row["second_cpu"] and reads(shown, gave["estimate"])):
            wrong.append(atlas.speed_up(row, way))
    return wrong


@examples(300)
@given(atlases())
def test_nothing_below_an_atlas_says_what_its_rows_exclude(drawn: Drawn) -> None:
    """With rows of every class and none, question marks for every reason, and mechanisms that differ in what they see."""
    assert contradictions(drawn.facts) == []
    page = atlas_page.page(*drawn.facts)
    assert f'<span id="n">{len(drawn.facts[1])}</span> of {len(drawn.facts[1])} calls' in page


def test_a_question_mark_is_never_left_without_its_reason() -> None:
    """That a second CPU could not be told is not said as that there was none, and has its own line."""
    one = {
        "n_workers": 2,
        "speed_up": {"estimate": 1.7, "low": 0.96, "high": 2.01},
        "predicted": {"low": 2.0, "high": 2.0},
        "absent": "",
    }
    row = {
        "name": "crc",
        "class": "releases",
        "failure": "",
        "second_cpu": None,
        "threads": one,
        "processes": one,
        "mechanism": "",
    }
    assert atlas.footer([row])[1] == (
        "?: it could not be told whether this machine gave a second CPU (crc), so that only predictions are left"
    )
