"""From a child's report to a result: classes, notes, shortfalls, obstacles, failures; and its JSON form."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from probes import (
    BYTECODE,
    NATIVE,
    PROBES,
    REPORT,
    SITE,
    STATEMENT,
    failed,
    gave,
    interval,
    preflight,
    probed,
    scaled,
    shares,
)
from schemas import schema_of

from gilscope.probing import notes
from gilscope.probing.advice import PAYS
from gilscope.probing.result import PROBE, Probe

SCHEMA = schema_of("probe")
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
RELEASES = shares(0.02, 0.98, 0)


@pytest.mark.parametrize("name", PROBES)
def test_results_fit_the_schema(name: str) -> None:
    """Of every class, and of failures; the JSON comes back as it was."""
    data = PROBES[name].as_dict()
    VALIDATOR.validate(data)
    assert json.loads(json.dumps(data, allow_nan=False)) == data


def test_the_schemas_know_every_word_of_what_pays() -> None:
    """Of a probe and of an atlas' row; none, after a failure."""
    for schema in (SCHEMA, schema_of("atlas")["$defs"]["row"]):
        assert set(schema["properties"]["pays"]["enum"]) == {"", *PAYS}


def test_the_schema_describes_every_key_and_nothing_else() -> None:
    """What older files do not have is not required."""
    assert set(SCHEMA["properties"]) == set(PROBES["mixed"].as_dict())
    assert set(SCHEMA["properties"]) - set(SCHEMA["required"]) == {"tool", "started", "handed"}
    with pytest.raises(jsonschema.ValidationError):
        VALIDATOR.validate(PROBES["mixed"].as_dict() | {"extra": 1})


@pytest.mark.parametrize(
    ("name", "kind", "code"),
    [
        ("bytecode", "Python bytecode", 0),
        ("native", "native, GIL held", 0),
        ("releases", "releases", 0),
        ("waits", "waits", 0),
        ("mixed", "mixed", 0),
        ("parallel", "already parallel", 0),
        ("undecided", "undecided", 3),
        ("raised", "undecided", 4),
        ("usage", "undecided", 2),
        ("hung", "undecided", 4),
    ],
)
def test_the_class_and_the_exit_code_follow_from_the_report(name: str, kind: str, code: int) -> None:
    """An open class is 3; a failure has the code of its kind."""
    assert (PROBES[name].class_, PROBES[name].exit_code) == (kind, code)


def test_one_cpu_alone_is_noted_where_it_matters() -> None:
    """Computing calls need the second CPU that the machine did not give; waiting ones do not."""
    assert PROBES["no CPU"].advice.startswith("Cannot tell whether threads or processes pay: ")
    assert "this machine gave no second CPU meanwhile (1.00 [0.98, 1.02])" in PROBES["no CPU"].advice
    assert (PROBES["no CPU"].pays, PROBES["no CPU"].second_cpu) == ("cannot tell", False)
    assert PROBES["no CPU"].shortfalls == {}
    held = probed(shares(1, 0, 0), knocks=BYTECODE, scaling=scaled(1.0, 1.9, control=1.0))
    assert (held.second_cpu, held.pays, held.notes) == (True, "processes", [])  # the processes show it
    assert probed(shares(0.02, 0, 0.98), scaling=scaled(1.95, 1.95, control=1.0)).notes == []
    assert PROBES["releases"].notes == []
    assert (PROBES["alone"].second_cpu, PROBES["alone"].pays, PROBES["alone"].notes) == (True, "threads", [])
    unclear = probed(RELEASES, scaling=[gave("threads", 1.05)], alone="nobody finds it")
    assert unclear.pays == "cannot tell"
    assert "whether this machine gave a second CPU was not measured" in unclear.advice


def test_one_noisy_control_takes_no_shortfall_away() -> None:
    """A parser with a lock of its own: processes show the second CPU that the control did not."""
    noisy = [one | {"speed_up": interval(1.4, 0.5)} if one["way"] == "control" else one for one in scaled(1.0, 2.0)]
    probe = probed(RELEASES, scaling=noisy)
    assert (probe.second_cpu, probe.pays) == (True, "processes")
    assert probe.shortfalls == {"threads": "another lock"}
    assert probe.advice.startswith("Threads do not pay, although it needs the GIL for 2 % of its time: ")


def test_threads_that_reach_what_processes_reach_miss_nothing_of_their_own() -> None:
    """As wide as each other and as fast: whatever they fall short of, the host did not give."""
    noisy = [one | {"speed_up": interval(1.4, 0.5)} if one["way"] == "control" else one for one in scaled(1.3, 1.3)]
    probe = probed(RELEASES, scaling=noisy)
    assert (probe.pays, probe.shortfalls) == ("threads", {})


@pytest.mark.parametrize("way", ["threads", "processes"])
def test_a_way_that_fails_is_never_advised(way: str) -> None:
    """The others are, and the reason stands in the advice."""
    failing = [
        gave(way, None, absent="there it raises E: no") | {"failed": True} if one["way"] == way else one
        for one in scaled(1.9 if way == "threads" else 1.0, 1.9)
    ]
    probe = probed(RELEASES if way == "threads" else shares(1, 0, 0), knocks=NATIVE, scaling=failing)
    assert probe.pays == ("processes" if way == "threads" else "neither")
    assert "there it raises E: no" in probe.advice


def test_what_was_not_tried_has_not_failed() -> None:
    """A call that is too long for its limit is predicted nevertheless."""
    untried = [gave(way, None, absent="this could take 30 s") for way in ("threads", "processes", "interpreters")]
    assert probed(RELEASES, scaling=untried).pays == "threads"


def test_workers_that_end_the_process_leave_its_profile() -> None:
    """One thread made the call again and again, two at once crashed: both are told, and the exit code is a crash's."""
    whole = probed(RELEASES, scaling=scaled(1.9, 1.9))
    crashed = failed(
        kind="crashed",
        message="SIGSEGV ended it, in the measurement.",
        preflight=preflight(),
        profile=REPORT | {"shares": RELEASES},
    )
    assert (crashed.class_, crashed.failure, crashed.exit_code) == (whole.class_, "", 4)
    assert crashed.shares == whole.shares
    assert crashed.pays == "processes"
    assert "several at once did not get through it: SIGSEGV ended it" in crashed.advice
    assert "Traceback: here" in str(crashed)


def test_others_that_compute_for_a_call_do_not_wait() -> None:
    """Native threads that were queued for a CPU look like waiting; what they would use is not known either."""
    handed_over = shares(0.01, 0.4, 0.59, native=0.4)
    probe = probed(handed_over, scaling=scaled(1.95, 1.95))
    assert probe.class_ == "undecided"
    assert probe.pays == "threads"  # for that was measured
    assert probed(handed_over, scaling=scaled(1.1, 1.1, control=1.5)).pays != "threads"
    assert any("40 % of its time" in note for note in probe.notes)
    assert probed(shares(0.01, 0.4, 0.59), scaling=scaled(1.95, 1.95)).class_ == "waits"


def test_a_call_that_waits_with_the_gil_needs_no_cpu() -> None:
    """Four processes of it on two CPUs wait side by side."""
    waiting = shares(1, 0, 0, held_waiting={"estimate": 0.99, "low": 0.98, "high": 1.0})
    probe = probed(waiting, knocks=NATIVE, scaling=[gave("threads", 1.0, 4), gave("processes", 3.95, 4)])
    assert probe.predicted["processes"][-1].high == pytest.approx(4)
    assert "it waits for 99 % of its time and keeps the GIL meanwhile" in probe.advice


def test_a_call_that_may_be_parallel_by_itself_is_open() -> None:
    """Rows of calls that do not agree tell nothing."""
    probe = probed(RELEASES, scaling=scaled(1.9, 1.9), already_parallel=None)
    assert (probe.class_, probe.pays, probe.exit_code) == ("undecided", "cannot tell", 3)


def test_what_is_parallel_already_has_nothing_to_explain() -> None:
    """Two of it fill what one has filled."""
    assert probed(RELEASES, scaling=scaled(1.0, 1.0), already_parallel=True).shortfalls == {}


def test_an_import_that_switches_the_gil_on_is_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the GIL is off until the target is imported, the shares are of the GIL, and the note says how it came."""
    monkeypatch.setattr(notes, "gil_enabled", lambda: False)
    off, on = (probed(RELEASES, scaling=scaled(1.9, 1.9), gil=gil) for gil in (False, True))
    assert (off.machine["gil"], on.machine["gil"]) == (False, True)
    assert not off.notes
    assert len(on.notes) == 1
    assert "has switched the GIL on" in on.notes[0]
    monkeypatch.setattr(notes, "gil_enabled", lambda: True)
    assert not probed(RELEASES, scaling=scaled(1.9, 1.9)).notes


def test_what_stays_below_its_prediction_says_why() -> None:
    """Threads and processes alike: the memory bus; threads alone: a lock; too fine releases: these."""
    assert probed(RELEASES, scaling=scaled(1.1, 1.1)).shortfalls == dict.fromkeys(
        ("threads", "processes"), "memory bandwidth"
    )
    lock = probed(RELEASES, scaling=scaled(1.1, 1.9))
    assert list(lock.shortfalls) == ["threads"]
    assert lock.shortfalls["threads"] == "another lock"
    counted = [one | {"lock_waited": 0.4 if one["way"] == "threads" else None} for one in scaled(1.1, 1.9)]
    assert probed(RELEASES, scaling=counted).shortfalls == {
        "threads": "another lock: they block on one of Python's for 40 % of their time"
    }
    assert lock.advice.startswith("Threads do not pay, although it needs the GIL for 2 % of its time: ")
    assert "processes do" in lock.advice
    fine = probed(shares(0.3, 0.7, 0, releases=250.0), scaling=scaled(1.05, 1.9))
    assert fine.shortfalls == {"threads": "releases too fine: 28 µs each"}


def test_what_the_control_did_not_get_is_no_shortfall() -> None:
    """The machine gave one and a half CPUs, and threads used them."""
    assert probed(RELEASES, scaling=scaled(1.45, 1.45, control=1.5)).shortfalls == {}


def test_what_is_predicted_to_gain_nothing_falls_short_of_nothing() -> None:
    """Threads that hold the GIL hand it over, and are a little slower for it."""
    assert probed(shares(1, 0, 0), knocks=NATIVE, scaling=scaled(0.8, 1.95)).shortfalls == {}


@pytest.mark.parametrize(
    ("which", "told"),
    [
        ("function_obstacle", "it cannot be found: why"),
        ("arguments_obstacle", "its arguments cannot be sent: why"),
        ("result_obstacle", "its result cannot be sent: why"),
    ],
)
def test_an_obstacle_is_told_once(which: str, told: str) -> None:
    """In the advice, where that is about processes; else in a note."""
    obstacle: dict[str, Any] = {which: "why"}
    held = probed(shares(1, 0, 0), knocks=BYTECODE, shipping_ns=None, **obstacle)
    assert f"they cannot have it as it is ({told})" in held.advice
    assert held.notes == []
    released = probed(RELEASES, **obstacle)
    assert told not in released.advice
    assert released.notes == [f"another process cannot have it: {told}"]


def test_a_statement_is_sent_as_text() -> None:
    """It needs neither a name nor arguments, but its result must come back."""
    obstacles = {"function_obstacle": "no name", "arguments_obstacle": "no arguments"}
    assert probed(RELEASES, target=STATEMENT, **obstacles).notes == []
    assert probed(RELEASES, target=STATEMENT, result_obstacle="why").notes != []


def test_what_a_call_leaves_and_imports_is_noted() -> None:
    """Threads, processes, and work at the top of a script without a guard."""
    left = probed(
        RELEASES,
        threads_left=["pool-1"],
        processes_left=["sleep 1"],
        main_guard=False,
        top_level_work=["line 7: main()"],
    )
    assert left.notes == [
        "it leaves threads running: pool-1",
        "it leaves processes running: sleep 1",
        "importing the script does work, and has no `if __name__ == '__main__'` guard: line 7: main()",
    ]
    assert probed(RELEASES, main_guard=True, top_level_work=["line 7: main()"]).notes == []


def test_without_scaling_the_usable_cpus_are_predicted_for() -> None:
    """And two where there is one, for one worker is nothing to predict."""
    assert [one.n_workers for one in probed(RELEASES, n_cpus=6).predicted["threads"]] == [6]
    assert [one.n_workers for one in probed(RELEASES, n_cpus=1).predicted["threads"]] == [2]


def test_every_width_is_predicted() -> None:
    """The advice is about the widest."""
    four = [gave(way, 1.9 * n / 2, n) for n in (2, 4) for way in ("threads", "processes", "control")]
    found = probed(RELEASES, scaling=four, n_cpus=4)
    assert [one.n_workers for one in found.predicted["processes"]] == [2, 4]
    assert "4 of them" in found.advice


def test_a_call_that_the_switch_interval_cuts_is_told_so() -> None:
    """With what would help; not where its holds are shorter, where it never releases, or where it does not matter."""
    (note,) = probed(shares(0.75, 0.0, 0.25)).notes
    assert note.startswith("it holds the GIL for 7.5 ms at a time, and after 5 ms a waiting thread may take it")
    assert "sys.setswitchinterval()" in note
    assert probed(shares(0.75, 0.0, 0.25)).predicted["threads"][-1].low == pytest.approx(2 / 1.76)
    assert probed(shares(0.75, 0.0, 0.25), switch_interval_ns=50e6).notes == []
    assert probed(shares(0.3, 0.0, 0.7)).notes == []
    assert probed(shares(1.0, 0.0, 0.0), knocks=BYTECODE).notes == []
    assert probed(shares(0.97, 0.0, 0.03)).notes == []


def test_a_call_that_never_drops_the_gil_has_no_released_time() -> None:
    """Rounding leaves a thousandth that nothing explains."""
    assert probed(shares(0.999, 0.001, 0, releases=0.0), knocks=BYTECODE).mean_release_ns is None


def test_a_failure_keeps_what_is_known() -> None:
    """Its message, traceback and output, and what the first call showed."""
    assert (PROBES["raised"].traceback, PROBES["raised"].output) == ("Traceback: here\n", "printed\n")
    assert PROBES["raised"].preflight == {}
    assert PROBES["hung"].preflight["wall_ns"] == 20 * 10**9
    assert PROBES["hung"].failure.endswith("Its first call took 20 s, and a probe makes at least six; see --limit.")
    assert failed(kind="cannot run", message="no GIL").exit_code == 5


def test_a_probe_shows_itself() -> None:
    """As text, in a notebook and in IPython's terminal."""
    one = PROBES["releases"]
    assert isinstance(one, Probe)
    assert str(one).startswith("module:function\nclass ")
    assert "<h1>module:function</h1>" in (one._repr_html_() or "")
    shown: list[str] = []
    one._repr_pretty_(type("Printer", (), {"text": staticmethod(shown.append)})(), cycle=False)
    assert shown == [str(one)]


def test_short_and_long_releases_are_told_apart_by_their_places() -> None:
    """By their mean alone threads would not pay; what was measured with a second CPU says that they do."""
    sites = [
        SITE | {"count": 30, "computing_ns": 300_000_000, "blocked_ns": 0},
        SITE | {"offset": 32, "count": 30_000, "computing_ns": 60_000_000, "blocked_ns": 0},
    ]
    probe = probed(shares(0.0, 1.0, 0.0, wall_ns=12e6, releases=1001, sites=sites))
    assert probe.predicted["threads"][-1].high > 1.2


@pytest.mark.parametrize("name", ["probe-2", "probe-2-failed"])
def test_a_file_without_its_tool_is_read(name: str) -> None:
    """As the first of this version were; written again, it is the same but for that."""
    path = Path(__file__).parents[2] / f"fixtures/files/{name}.json"
    after, before = json.loads(PROBE.dumps(PROBE.read(path))), json.loads(path.read_text())
    assert after == {"tool": "", "started": "", **before}
    VALIDATOR.validate({**after, "preflight": {}})  # which had more in it


def test_a_file_of_the_first_version_is_read_by_what_it_meant() -> None:
    """Its predicted processes were sent each call, and it knew nothing of handing out."""
    data = PROBES["releases"].as_dict()
    predicted = {"threads": data["predicted"]["threads"], "processes": data["predicted"]["shipped"]}
    first = {**data, "schema_version": 1, "predicted": predicted}
    del first["handed"]
    found = PROBE.loads(json.dumps(first))
    assert (found.predicted["shipped"], found.handed) == (PROBES["releases"].predicted["shipped"], {})
    assert "processes" not in found.predicted
    again = json.loads(PROBE.dumps(found))
    assert again["schema_version"] == 2
    VALIDATOR.validate(again)
