"""`gilscope trace` on real calls: exact about who held the GIL, and clear about what goes wrong."""

import json
import os
import signal
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import pytest
from leftovers import nothing_left

from gilscope.accounting import ledger
from gilscope.cli import main
from gilscope.errors import CannotRunError, Unavailable
from gilscope.targets.first_call import examine
from gilscope.targets.target import parse_target, resolve
from gilscope.tracing import job
from gilscope.tracing.result import Trace, trace_target
from gilscope.tracing.spans import RELEASED_STATES, UNKNOWN, holders_of

pytestmark = pytest.mark.skipif(ledger.availability() is not None, reason=str(ledger.availability()))

GILSCOPE = [sys.executable, "-W", "error", "-m", "gilscope"]
N_CALLS = 20
SCRIPT = """
import threading, time
calls = []
def fail():
    calls.append(1)
    if len(calls) > 2: raise ValueError("no more")
def hang():
    calls.append(1)
    while len(calls) > 1: time.sleep(1)
def sleep(): time.sleep(1000)
def nest():
    thread = threading.Thread(target=time.sleep, args=(0.001,), name="nested")
    thread.start()
    thread.join()
"""


@pytest.fixture(scope="module", params=["held", "released"])
def kernel_trace(request: pytest.FixtureRequest) -> tuple[str, Trace]:
    """Trace the C kernel on two threads, for a known number of calls."""
    target = parse_target(f"kernel:quad/c/{request.param}", task_ns=200_000)
    return request.param, trace_target(target, n_calls=N_CALLS, seconds=None)


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "traced.py").write_text(SCRIPT)
    monkeypatch.chdir(tmp_path)
    return "traced.py"


def called(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Call the command line in this process; return code, output, errors."""
    with pytest.raises(SystemExit) as caught, nothing_left():
        main(["trace", *arguments])
    return int(caught.value.code or 0), *capsys.readouterr()


def test_at_any_moment_at_most_one_thread_holds_the_gil(kernel_trace: tuple[str, Trace]) -> None:
    """No two holds of any threads overlap."""
    held = [one for one, _ in holders_of(kernel_trace[1].lanes)]
    assert len(held) > 1
    assert all(one.end_ns <= other.begin_ns for one, other in pairwise(held))


def test_every_thread_s_intervals_tile_the_whole_trace(kernel_trace: tuple[str, Trace]) -> None:
    """The threads were there before and after, so each lane lasts from the beginning to the end, all of it known."""
    _, trace = kernel_trace
    assert trace.log.n_lost_events == 0
    assert {lane.name for lane in trace.lanes} >= {"worker 1", "worker 2", "MainThread"}
    for lane in trace.lanes:
        assert (lane.spans[0].begin_ns, lane.spans[-1].end_ns) == (0, trace.log.wall_ns)
        assert all(one.end_ns == other.begin_ns for one, other in pairwise(lane.spans))
        assert lane.total_ns(UNKNOWN) == 0


def test_holds_add_up_to_what_the_ledger_counted(kernel_trace: tuple[str, Trace]) -> None:
    """Events and counters are two records of the same thing: equal but for rounding each event to a ns."""
    _, trace = kernel_trace
    for lane in trace.lanes:
        account = trace.log.thread(lane.native_id)
        assert account is not None
        assert lane.total_ns("holding") == pytest.approx(account.held_ns, abs=len(trace.log.events) + 1)
        assert len(lane.forced_ns) == account.forced_switches


def test_a_kernel_that_releases_has_one_release_for_each_call(kernel_trace: tuple[str, Trace]) -> None:
    """Counted by its place in the code; the one that holds has none there."""
    gil, trace = kernel_trace
    places = {i for i, site in enumerate(trace.log.sites) if "_capi" in site.module}
    for lane in trace.workers:
        assert trace.calls[lane.native_id] == N_CALLS
        releases = [one for one in lane.spans if one.state in RELEASED_STATES and one.site in places]
        assert len(releases) == (N_CALLS if gil == "released" else 0)


def test_threads_that_the_target_starts_have_lanes_of_their_own(script: str) -> None:
    """Each begins after the trace did, and ends with it at the latest."""
    trace = trace_target(parse_target(f"{script}:nest"), n_threads=1, n_calls=3, seconds=None)
    others = [lane for lane in trace.lanes if lane.name not in {"worker 1", "MainThread"}]
    assert others
    assert all(0 < lane.spans[0].begin_ns < lane.spans[-1].end_ns <= trace.log.wall_ns for lane in others)


def test_the_command_writes_json_and_says_what_it_saw(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """The file is a whole trace; the summary has the threads and one sentence."""
    file = tmp_path / "trace.json"
    code, out, err = called(capsys, "kernel:square/c/released", "--calls", "3", "-o", str(file))
    assert code == 0, err
    assert "worker 2" in out and "ach of the 2 threads held the GIL" in out
    document = json.loads(file.read_text())
    assert document["otherData"]["calls"] == {"worker 1": 3, "worker 2": 3}
    assert {event["ph"] for event in document["traceEvents"]} >= {"X", "M"}


def test_a_small_ring_loses_events_and_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    """The oldest are lost, counted, and the beginning is unknown."""
    setup = "from gilscope.kernels._capi import release_pairs"
    once = ("--threads", "1", "--calls", "1", "--events", "1024")
    code, out, _ = called(capsys, "release_pairs(2000)", "-s", setup, *once)
    assert code == 0
    assert "events were lost" in out


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["traced.py:fail"], 4, "ValueError: no more"),
        (["traced.py:hang", "--limit", "2s"], 4, "It did not end within 2 s, in the measurement"),
        (["traced.py:nothing"], 2, "has no attribute 'nothing'"),
        (["no_such_module:f"], 2, "no module 'no_such_module'"),
        (["kernel:quad/c"], 2, "names no kernel"),
        (["kernel:quad/python/released"], 5, "python has no released form"),
        (["kernel:quad/c/held", "--args", "1"], 2, "leave out --args"),
        (["traced.py:sleep", "-o", "trace.csv"], 2, "choose .txt, .md, .json, .html, .svg or .png"),
        (["traced.py:sleep", "-o", "traced.json"], 2, "exists already"),
        (["traced.py:sleep", "-o", "nowhere/trace.json"], 2, "there is no folder"),
    ],
)
def test_what_cannot_be_traced_says_why(
    script: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, arguments: list[str], code: int, said: str
) -> None:
    """The message, the exit code, and no file; tracebacks begin in the user's code."""
    (tmp_path / "traced.json").write_text("mine")
    found, _, err = called(capsys, *arguments)
    assert (found, said in err) == (code, True), err
    assert "tracing/job.py" not in err
    assert {path.name for path in tmp_path.iterdir()} - {"__pycache__"} == {"traced.py", "traced.json"}
    assert (tmp_path / "traced.json").read_text() == "mine"


def test_no_ledger_is_said_where_no_thread_is_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Systems without a ledger have no /proc either, and the ledger is what counts."""
    resolved = resolve(parse_target("pass", statement=True))
    monkeypatch.setattr(ledger, "_verdict", [Unavailable("forced by a test")])

    def find_nothing(path: str) -> list[str]:
        raise FileNotFoundError(path)

    monkeypatch.setattr(os, "listdir", find_nothing)
    options = {"threads": 1, "calls": 1, "seconds": None, "events": 1024, "cpu_clock": False}
    with pytest.raises(CannotRunError, match="forced by a test"):
        job.trace(resolved, examine(resolved), options, lambda _: None)
    monkeypatch.setattr(ledger, "_verdict", [None])
    assert job.trace(resolved, examine(resolved), options, lambda _: None)["before"] == []


def test_an_interrupt_leaves_neither_file_nor_process(script: str, tmp_path: Path) -> None:
    """Ctrl-C while the target runs ends with 130."""
    command = [*GILSCOPE, "trace", f"{script}:sleep", "-o", "trace.json"]
    with (
        nothing_left(),
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process,
    ):
        wait_for_child(process.pid)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert {path.name for path in tmp_path.iterdir()} - {"__pycache__"} == {"traced.py"}


def wait_for_child(pid: int) -> None:
    """Wait until a process has started another."""
    children = Path(f"/proc/{pid}/task/{pid}/children")
    deadline = time.monotonic() + 60
    while not children.read_text() and time.monotonic() < deadline:
        time.sleep(0.05)
