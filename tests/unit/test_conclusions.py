"""From a child's report to a result: classes, notes, shortfalls, obstacles, failures; and its JSON form."""

import json
from importlib.resources import files
from typing import Any

import jsonschema
import pytest
from probes import BYTECODE, NATIVE, PROBES, SITE, STATEMENT, failed, gave, probed, scaled, shares

from gilscope.probing import conclusions
from gilscope.probing.result import Probe

SCHEMA = json.loads((files("gilscope") / "probe.schema.json").read_text(encoding="utf-8"))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
RELEASES = shares(0.02, 0.98, 0)


@pytest.mark.parametrize("name", PROBES)
def test_results_fit_the_schema(name: str) -> None:
    """Of every class, and of failures; the JSON comes back as it was."""
    data = PROBES[name].as_dict()
    VALIDATOR.validate(data)
    assert json.loads(json.dumps(data, allow_nan=False)) == data


def test_the_schema_describes_every_key_and_nothing_else() -> None:
    """Whoever reads a file without gilscope finds each name in the schema, described."""
    VALIDATOR.check_schema(SCHEMA)
    assert set(SCHEMA["properties"]) == set(PROBES["mixed"].as_dict()) == set(SCHEMA["required"])
    objects = [SCHEMA, SCHEMA["properties"]["machine"], *SCHEMA["$defs"].values()]
    for one in objects:
        assert one["additionalProperties"] is False
        for name, value in one["properties"].items():
            assert "description" in value or "description" in SCHEMA["$defs"][value["$ref"].rpartition("/")[2]], name
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
    assert any("no second CPU" in note for note in PROBES["no CPU"].notes)
    assert "Threads pay" in PROBES["no CPU"].advice
    assert PROBES["no CPU"].shortfalls == {}
    assert probed(shares(0.02, 0, 0.98), scaling=scaled(1.95, 1.95, control=1.0)).notes == []
    assert PROBES["releases"].notes == []
    assert any("was not measured" in note for note in PROBES["alone"].notes)


def test_an_import_that_switches_the_gil_on_is_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the GIL is off until the target is imported, the shares are of the GIL, and the note says how it came."""
    monkeypatch.setattr(conclusions, "gil_enabled", lambda: False)
    off, on = (probed(RELEASES, scaling=scaled(1.9, 1.9), gil=gil) for gil in (False, True))
    assert (off.machine["gil"], on.machine["gil"]) == (False, True)
    assert not off.notes
    assert len(on.notes) == 1
    assert "has switched the GIL on" in on.notes[0]
    monkeypatch.setattr(conclusions, "gil_enabled", lambda: True)
    assert not probed(RELEASES, scaling=scaled(1.9, 1.9)).notes


def test_what_stays_below_its_prediction_says_why() -> None:
    """Threads and processes alike: the memory bus; threads alone: a lock; too fine releases: these."""
    assert probed(RELEASES, scaling=scaled(1.1, 1.1)).shortfalls == dict.fromkeys(
        ("threads", "processes"), "memory bandwidth"
    )
    lock = probed(RELEASES, scaling=scaled(1.1, 1.9))
    assert list(lock.shortfalls) == ["threads"]
    assert "another lock" in lock.shortfalls["threads"]
    counted = [one | {"lock_waited": 0.4 if one["way"] == "threads" else None} for one in scaled(1.1, 1.9)]
    assert probed(RELEASES, scaling=counted).shortfalls == {
        "threads": "another lock: they block on one of Python's for 40 % of their time"
    }
    assert lock.advice.startswith(
        "Threads should pay, for it needs the GIL for 2 % of its time, but 2 of them were 1.10"
    )
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
    assert f"processes cannot have it as it is ({told})" in held.advice
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
    assert probed(shares(0.75, 0.0, 0.25)).predicted["threads"][-1].low == pytest.approx(2 / 1.75)
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
    assert str(one).startswith("target  module:function\n")
    assert one._repr_html_().startswith("<table>")
    shown: list[str] = []
    one._repr_pretty_(type("Printer", (), {"text": staticmethod(shown.append)})(), cycle=False)
    assert shown == [str(one)]


def test_short_and_long_releases_are_told_apart_by_their_places() -> None:
    """By their mean alone threads would not pay; what was measured with a second CPU says that they do."""
    sites = [
        SITE | {"count": 30, "computing_ns": 300e6, "blocked_ns": 0},
        SITE | {"offset": 32, "count": 30_000, "computing_ns": 60e6, "blocked_ns": 0},
    ]
    probe = probed(shares(0.0, 1.0, 0.0, wall_ns=12e6, releases=1001, sites=sites))
    assert probe.predicted["threads"][-1].high > 1.2
