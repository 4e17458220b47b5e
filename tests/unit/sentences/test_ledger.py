# ruff: noqa: E501 - patterns are as long as their sentences
"""`gilscope ledger`: every line of the account, and every share and extreme in its tables, fits the others."""

import io
import re
from typing import Any

import pytest
from claims import Drawn, Vocabulary, adds_up, examples, number, reads_share, reads_time, seconds_of
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from gilscope.accounting import view
from gilscope.pairing.intervals import wilson
from gilscope.report import terminal

TIMES = st.sampled_from([0, 1, 7, 999, 10**4, 10**6 + 1, 333 * 10**6, 10**9, 10**13])
MAYBE = st.one_of(st.none(), TIMES)
HOW = {"cost": "50 ns for each", "blind_to": ("what it does not see", "more")}


def threads(draw: st.DrawFn) -> dict[str, Any]:
    names = ("held_ns", "waited_ns", "computing_ns", "blocked_ns", "takes", "forced_switches", "longest_hold_ns")
    return {"name": "worker", **{name: draw(TIMES) for name in names}, "run_delay_ns": draw(MAYBE)}


def sites(draw: st.DrawFn) -> dict[str, Any]:
    names = ("computing_ns", "blocked_ns", "longest_release_ns")
    place = {"module": "/lib/zlib.so", "symbol": draw(st.sampled_from(["", "crc32"])), "offset": 64}
    return {**place, "count": draw(st.sampled_from([0, 1, 3, 10**6])), **{name: draw(TIMES) for name in names}}


@st.composite
def ledgers(draw: st.DrawFn) -> Drawn:
    """Draw a ledger's log: no thread or more than a screen holds, times of nothing and of hours, lost events."""
    n_threads = draw(st.sampled_from([0, 1, 2, 41, 42]))
    few = [threads(draw) for _ in range(min(3, n_threads))]
    return drawn(
        {
            **HOW,
            "mechanism": "ledger",
            "wall_ns": draw(TIMES),
            "threads": (few * 20)[:n_threads] if few else [],
            "sites": [sites(draw) for _ in range(draw(st.integers(0, 2)))],
            "events": [None] * draw(st.sampled_from([0, 1, 12])),
            "n_lost_events": draw(st.sampled_from([0, 1, 100_000])),
        }
    )


@st.composite
def samples(draw: st.DrawFn) -> Drawn:
    """Draw a sampler's log, with a GIL and without: shares that add up, and threads of which nobody knows anything."""
    looks = [draw(st.integers(0, 1000)) for _ in range(draw(st.integers(1, 5)))]
    wall_ns, n_looks, is_gil = draw(TIMES), max(1, sum(looks)), draw(st.booleans())
    found = []
    for n in looks[1:]:
        share = draw(st.sampled_from([n / n_looks, n / n_looks, None]))
        ns = None if share is None else round(share * wall_ns)
        of = {"held": share, "held_ns": ns, "attached": None, "attached_ns": None}
        of = of if is_gil else {"held": None, "held_ns": None, "attached": share, "attached_ns": ns}
        locks = {"lock_waits": draw(MAYBE), "lock_waited_ns": draw(st.one_of(st.none(), st.just(wall_ns)))}
        found.append({"name": "worker", **of, **locks, "cpu_ns": draw(MAYBE), "run_delay_ns": draw(MAYBE)})
    at_once = [n / n_looks for n in looks]
    return drawn(
        {
            **HOW,
            "mechanism": "sampler (of a test)",
            "wall_ns": wall_ns,
            "n_looks": n_looks,
            "threads": found,
            "free": looks[0] / n_looks if is_gil else None,
            "at_once": () if is_gil else at_once,
        }
    )


@st.composite
def witnesses(draw: st.DrawFn) -> Drawn:
    """Draw a witness's log: free never, always and by a hair, from few looks and many."""
    n, share = draw(st.sampled_from([20, 1000, 10**6])), draw(st.sampled_from([0.0, 0.0004, 0.3, 0.9996, 1.0]))
    low, high = wilson(share, n)
    return drawn(
        {**HOW, "mechanism": "witness", "wall_ns": draw(TIMES), "free": share, "free_low": low, "free_high": high}
    )


def drawn(log: dict[str, Any]) -> Drawn:
    out = io.StringIO()
    terminal.render(view.blocks(log), Console(file=out, width=200, highlight=False))
    return Drawn(log, out.getvalue())


Log = dict[str, Any]
LINES = Vocabulary()


@LINES.claim(r"GIL: <wall:time> of wall time, <n:count> threads?")
def _(log: Log, wall: str, n: str) -> bool:
    return reads_time(wall, log["wall_ns"]) and number(n) == len(log["threads"])


@LINES.claim(r"GIL: free for <free:percent> of <wall:time> of wall time")
def _(log: Log, free: str, wall: str) -> bool:
    return reads_share(free, log["free"]) and reads_time(wall, log["wall_ns"])


@LINES.claim(r"GIL: free for <free:percent> \[<low:percent>, <high:percent>\] of <wall:time> of wall time")
def _(log: Log, free: str, low: str, high: str, wall: str) -> bool:
    shown = zip((free, low, high), ("free", "free_low", "free_high"), strict=True)
    return all(reads_share(text, log[name], 1) for text, name in shown) and reads_time(wall, log["wall_ns"])


@LINES.claim(r"No GIL: two threads or more attached for <share:percent> of <wall:time>")
def _(log: Log, share: str, wall: str) -> bool:
    return reads_share(share, sum(log["at_once"][2:])) and reads_time(wall, log["wall_ns"]) and log["free"] is None


@LINES.claim(r"Timeline: <n:count> events?, <lost:count> lost")
def _(log: Log, n: str, lost: str) -> bool:
    return number(n) == len(log["events"]) and number(lost) == log["n_lost_events"]


@LINES.claim(r"<n:count> more")
def _(log: Log, n: str) -> bool:
    return number(n) == max(len(log["threads"]), len(log.get("sites", ()))) - 40


@LINES.claim(
    r"Shares are of the thread's own time. Computing, and blocked or queued for a CPU: without the GIL; waited includes being queued too(?P<delay>, and run delay says how much of both that can be)?"
)
def _(log: Log, delay: str = "") -> bool:
    return bool(delay) == any(thread["run_delay_ns"] is not None for thread in log["threads"])


@LINES.claim(
    r"Shares are of the wall time, from <n:count> looks?. Locks are Python's own(?P<inside>, those inside of its objects too)?; waiting for work in a queue is waiting for one"
)
def _(log: Log, n: str, inside: str = "") -> bool:
    return number(n) == log["n_looks"] and bool(inside) == (log["free"] is None)


@LINES.claim(r"Mechanism: (?P<what>.+?)\. It cannot see: (?P<blind>.+?)\. It costs (?P<cost>.+?)\.$")
def _(log: Log, what: str, blind: str, cost: str) -> bool:
    return (what, cost) == (log["mechanism"], log["cost"]) and blind == ", ".join(log["blind_to"])


#: A row of a table, or its headings: two blanks stand between cells.
ROW = re.compile(r"\S+  |(?:thread|released by) ")


CELL = re.compile(r"(.*s|.*min|.*h|.*days) +((?:under |over )?\d+ %|- %)$")


def parts(cells: tuple[str, ...]) -> list[str]:
    """Return the shares in cells, each of which is a time and a share."""
    return [match[2] for cell in cells if (match := CELL.match(cell))]


def contradictions(shown: Drawn) -> list[str]:
    log, found = shown.facts, []
    for line in shown.output.splitlines():
        if line and not ROW.match(line):
            found += LINES.contradictions(line, log)
    for thread in log.get("threads", ()):
        found += wrong_thread(thread) if "held_ns" in thread and "takes" in thread else []
    for site in log.get("sites", ()):
        found += wrong_site(site)
    if log.get("free") is not None and "at_once" in log:
        rows = [re.sub(r" +(?=\d+ %)", " ", line) for line in shown.output.splitlines() if line.startswith("worker")]
        held = parts(tuple(re.split(r"\s{2,}", row)[1] for row in rows))
        free = re.search(r"free for (.+? %)", shown.output)
        assert free is not None
        whole = sum(thread["held"] or 0.0 for thread in log["threads"]) + log["free"]
        found += [f"{free[1]} and {held}"] if whole < 1.001 and not adds_up([free[1], *held]) else []
    return found


def wrong_thread(thread: dict[str, Any]) -> list[str]:
    cells = view.thread_cells(thread)
    times_ns = [thread[name] for name in ("held_ns", "waited_ns", "computing_ns", "blocked_ns")]
    shares = parts(cells[1:5])
    right = all(reads_share(s, ns / sum(times_ns)) for s, ns in zip(shares, times_ns, strict=True) if sum(times_ns))
    held = CELL.match(cells[1])
    longest = held is not None and seconds_of(cells[7]) <= seconds_of(held[1])
    return [] if right and adds_up(shares) and longest else [str(cells)]


def wrong_site(site: dict[str, Any]) -> list[str]:
    cells = view.site_cells(site)
    times_ns = [site["computing_ns"], site["blocked_ns"]]
    shares = parts(cells[3:5])
    right = all(reads_share(s, ns / sum(times_ns)) for s, ns in zip(shares, times_ns, strict=True) if sum(times_ns))
    mean = cells[5] == "-" or (
        seconds_of(cells[5]) <= seconds_of(cells[6]) and reads_time(cells[5], sum(times_ns) / site["count"])
    )
    return (
        [] if right and adds_up(shares) and mean and seconds_of(cells[6]) <= 1.01e-9 * sum(times_ns) else [str(cells)]
    )


@examples(200)
@given(st.one_of(ledgers(), samples(), witnesses()))
def test_no_line_of_an_account_says_what_its_figures_exclude(shown: Drawn) -> None:
    """By the ledger, by samples with and without a GIL, by the witness; of nothing, and of more than a screen holds."""
    assert contradictions(shown) == []


@pytest.mark.parametrize(
    ("times_ns", "shares"),
    [((725, 71_777, 71_089, 0), ["under 1 %", "50 %", "50 %", "0 %"]), ((12, 4, 1, 0), ["71 %", "23 %", "6 %", "0 %"])],
)
def test_shares_of_one_thread_add_up(times_ns: tuple[int, ...], shares: list[str]) -> None:
    """71, 24 and 6 % would be 101."""
    names = ("held_ns", "waited_ns", "computing_ns", "blocked_ns")
    other = dict.fromkeys(("takes", "forced_switches", "longest_hold_ns", "run_delay_ns"), 0)
    cells = view.thread_cells({"name": "x", **dict(zip(names, times_ns, strict=True)), **other})
    assert parts(cells[1:5]) == shares
