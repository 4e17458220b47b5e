"""A program in which a library has replaced clocks, threads, locks and more is measured as any other."""

import textwrap

import pytest

from gilscope.accounting.ledger import availability
from gilscope.originals import REPLACED
from gilscope.probing.probe import probe_target
from gilscope.targets.target import parse_target
from gilscope.tracing.result import trace_target

pytest_plugins = ["pytester"]

#: As gevent's and freezegun's patches, but that nothing of it works: a clock that stands, threads that never start,
#: locks and queues for which nobody comes, descriptors that stay open, and no other process.
PATCHES = """
import _thread, json, os, queue, random, select, subprocess, threading, time

def refuse(*_, **__):
    raise AssertionError("a replacement was called")

for name in ("monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns", "time", "thread_time_ns"):
    setattr(time, name, lambda: 0)
for module in (_thread, threading):
    for name in ("start_new_thread", "start_joinable_thread", "_start_new_thread", "_start_joinable_thread"):
        if hasattr(module, name):
            setattr(module, name, lambda *_, **__: None)
threading.Thread.start = lambda self: None
for module, name in (
    (time, "sleep"), (queue, "SimpleQueue"), (select, "select"), (select, "poll"), (os, "fork"), (os, "waitpid"),
    (json, "dumps"), (json, "loads"), (random, "Random"), (subprocess, "Popen"), (subprocess, "_fork_exec"),
):
    setattr(module, name, refuse)
os.close = lambda fd: None
"""
#: No capturing, for that closes descriptors.
OPTIONS = ("-p", "gilscope.pytest_plugin", "-p", "no:cacheprovider", "-rs", "--capture=no")
CALL = "import zlib; data = bytes(100_000)"


@pytest.fixture(autouse=True)
def _ledger() -> None:
    absence = availability()
    if absence is not None:
        pytest.skip(str(absence))


def test_a_probe_measures_it() -> None:
    """It ends, within its limit, with threads of the system and with processes, and says that the program has none."""
    target = parse_target("zlib.crc32(data)", setup=f"{PATCHES}\n{CALL}", statement=True)
    probe = probe_target(target, seconds=0.3, limit_s=60, thorough=False)
    assert not probe.failure, probe.failure
    assert {one.way for one in probe.measured if one.speed_up is not None} >= {"threads", "processes"}
    assert REPLACED in probe.notes


def test_a_trace_shows_it() -> None:
    """Two threads that run, with their names."""
    target = parse_target("zlib.crc32(data)", setup=f"{PATCHES}\n{CALL}", statement=True)
    trace = trace_target(target, n_threads=2, n_calls=3, seconds=None, limit_s=60)
    assert sorted(trace.calls.values()) == [3, 3]
    assert [lane.name for lane in trace.workers] == ["worker 1", "worker 2"]
    assert trace.notes == (REPLACED,)


def test_the_assertions_hold(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a project whose conftest replaces everything before gilscope is there: right claims pass, wrong ones fail."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makepyfile(
        f"{PATCHES}\n"
        + textwrap.dedent("""
            from array import array
            from functools import partial
            import pytest

            def quad(mode, rounds):
                from gilscope.kernels import _capi
                return partial(getattr(_capi, f"quad_compute_{mode}"), array("d", range(2048)), rounds)

            def test_right(gil):
                gil.releases(quad("released", 10_000))
                gil.holds(quad("held", 10_000))
                gil.max_stall(quad("held", 10_000), ms=10_000)

            def test_wrong(gil):
                with pytest.raises(AssertionError, match="put tasks in the place of threading's threads"):
                    gil.max_stall(quad("held", 100_000), ms=0.2)
        """)
    )
    result = pytester.runpytest_subprocess(*OPTIONS)
    result.assert_outcomes(passed=2)


def test_gate_needs_none_of_them(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no ledger, the thread at the gate is one of the system too."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makepyfile(
        f"{PATCHES}\n"
        + textwrap.dedent("""
            from array import array
            from functools import partial

            def test_held(gil, monkeypatch):
                from gilscope import Unavailable, testing
                from gilscope.kernels import _capi
                monkeypatch.setattr(testing, "availability", lambda: Unavailable("no ledger in this test"))
                gil.holds(partial(_capi.quad_compute_held, array("d", range(2048)), 10_000))
        """)
    )
    result = pytester.runpytest_subprocess(*OPTIONS)
    result.assert_outcomes(passed=1)
