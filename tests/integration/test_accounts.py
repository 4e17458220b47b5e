"""`gilscope.ledger` where there is no ledger: the best of what is left serves, says so, and tells what it can."""

import io
import json
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from rich.console import Console
from schemas import schema_of

import gilscope
from gilscope.accounting import ledger, lock_waits, mechanisms, sampler, view, witness
from gilscope.accounting.sampler import Sampler
from gilscope.accounting.witness import Witness
from gilscope.children.delivery import delivered
from gilscope.errors import CannotRunError, Unavailable
from gilscope.report import terminal

SCHEMA = schema_of("ledger")
needs_sampler = pytest.mark.skipif(sampler.availability() is not None, reason=str(sampler.availability()))
needs_witness = pytest.mark.skipif(witness.availability() is not None, reason=str(witness.availability()))
needs_locks = pytest.mark.skipif(lock_waits.availability() is not None, reason=str(lock_waits.availability()))
FORCED = "forced by a test"
#: A busy host may let nobody look often enough, which the account then says; that is no fault of it.
ATTEMPTS = 10
# Without a ledger, and without a sampler too.
WITHOUT = {"sampler": ("ledger",), "witness": ("ledger", "sampler")}

PROGRAM = """
import sys, threading, time
lock = threading.Lock()

def work():
    end = time.monotonic() + 0.3
    while time.monotonic() < end:
        with lock:
            sum(range(1000))

threads = [threading.Thread(target=work, name=f"worker {i}") for i in range(2)]
lock.acquire()
for thread in threads:
    assert "run" not in thread.__dict__
    thread.start()
time.sleep(0.1)
lock.release()
for thread in threads:
    thread.join()
    assert "run" not in thread.__dict__
sys.exit(3)
"""


def without(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """Have these mechanisms say that they cannot work here."""
    for name in names:
        monkeypatch.setattr(f"gilscope.accounting.{name}._verdict", [Unavailable(FORCED)])


def run_program(folder: Path, program: str, *names: str) -> tuple[int, dict[str, Any]]:
    """Run a program under the account that there is without these mechanisms; return its exit code and the account."""
    script, result = folder / "prog.py", folder / "log.json"
    script.write_text(program)
    runner = f"""
        import os, sys
        from importlib import import_module
        from gilscope.accounting import program
        from gilscope.running.result import Unavailable
        for name in {names!r}:
            import_module(f"gilscope.accounting.{{name}}")._verdict[:] = [Unavailable({FORCED!r})]
        result = os.open({str(result)!r}, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        sys.argv[1:] = [str(result), "token", "0", {str(script)!r}]
        program.main(set(sys.modules))
    """
    command = [sys.executable, "-W", "error", "-c", textwrap.dedent(runner)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert not done.stderr
    return done.returncode, json.loads(delivered(result.read_bytes(), "token") or "")


def told_program(folder: Path, program: str, *names: str) -> tuple[int, dict[str, Any]]:
    """Run a program again and again, until the host lets its account say something."""
    for _ in range(ATTEMPTS):
        code, log = run_program(folder, program, *names)
        if "unavailable" not in log:
            return code, log
    pytest.skip(f"{ATTEMPTS} times: {log['unavailable']}")


def told(work: Callable[[], object]) -> Sampler | Witness:
    """Account for some work again and again, until the host lets the account say something."""
    for _ in range(ATTEMPTS):
        with gilscope.ledger() as account:
            work()
        assert isinstance(account, Sampler | Witness)
        if not isinstance(account.log, Unavailable):
            return account
    pytest.skip(f"{ATTEMPTS} times: {account.log}")


def compute() -> None:
    """Work for 0.3 s."""
    end = time.monotonic() + 0.3
    while time.monotonic() < end:
        sum(range(1000))


def drawn(log: dict[str, Any]) -> str:
    """Return what the terminal shows of an account."""
    console = Console(width=180, file=io.StringIO())
    terminal.render(view.blocks(log), console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@needs_sampler
def test_the_sampler_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a ledger there are shares of time, and the reason why not more."""
    without(monkeypatch, "ledger")
    account = told(compute)
    assert isinstance(account, Sampler)
    log = account.log
    assert not isinstance(log, Unavailable)
    assert log.mechanism.startswith("sampler of ")
    assert FORCED in log.mechanism
    assert (account.sites, account.events) == ((), ())
    assert account.wall_ns >= 0.3e9
    mine = next(one for one in account.threads if one.native_id == threading.get_native_id())
    share, share_ns = (mine.held, mine.held_ns) if mine.attached is None else (mine.attached, mine.attached_ns)
    assert share is not None
    assert share > 0.25, "all but what a busy machine takes away"
    assert share_ns == round(share * account.wall_ns)


@needs_witness
def test_the_witness_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a sampler too, it is known how much of the time the GIL was free, and nothing of threads."""
    without(monkeypatch, *WITHOUT["witness"])
    account = told(partial(time.sleep, 0.3))
    assert isinstance(account, Witness)
    log = account.log
    assert not isinstance(log, Unavailable)
    assert 0.3e9 <= account.wall_ns < 60e9
    assert log.free > 0.5
    assert FORCED in log.mechanism
    assert (account.threads, account.sites, account.events) == ((), (), ())
    wall_ns = account.wall_ns
    assert account.wall_ns == wall_ns


def test_nothing_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing can account for the GIL, that is said at once."""
    for module in (ledger, sampler, witness):
        monkeypatch.setattr(module, "availability", lambda: Unavailable(FORCED))
    with pytest.raises(CannotRunError, match=FORCED):
        gilscope.ledger()


def test_a_timeline_needs_the_ledger(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing else knows single events."""
    without(monkeypatch, "ledger")
    if all(module.availability() for module in (sampler, witness)):
        pytest.skip("nothing else can account here")
    with pytest.raises(CannotRunError, match=f"a timeline needs the ledger: {FORCED}"):
        gilscope.ledger(100)


@needs_sampler
def test_a_sampler_that_saw_nothing_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the host did not let it look there are no threads to show, and the reason is raised."""
    without(monkeypatch, "ledger")
    with gilscope.ledger() as account:
        pass
    assert isinstance(account, Sampler)
    monkeypatch.setattr(account, "_log", replace(account._unjudged(), n_looks=0))
    with pytest.raises(CannotRunError, match="the host let the sampler look 0 times"):
        _ = account.threads
    assert FORCED in account.mechanism
    assert account.cost
    assert account.blind_to


@pytest.mark.parametrize("mechanism", mechanisms.MECHANISMS)
def test_what_is_entered_says_what_it_rests_on(monkeypatch: pytest.MonkeyPatch, mechanism: str) -> None:
    """Whichever mechanism serves, what is entered says which, why, and what it cannot see, as its log does."""
    better = mechanisms.MECHANISMS[: mechanisms.MECHANISMS.index(mechanism)]
    without(monkeypatch, *better)
    absence = {"ledger": ledger, "sampler": sampler, "witness": witness}[mechanism].availability()
    if absence is not None:
        pytest.skip(absence.reason)
    with gilscope.ledger() as account:
        end = time.monotonic() + 0.05
        while time.monotonic() < end:
            sum(range(10_000))
    assert account.mechanism.startswith(mechanism)
    assert (FORCED in account.mechanism) == bool(better)
    assert account.cost
    assert account.blind_to
    if isinstance(account.log, Unavailable):  # the host did not let it look, which it says
        return
    said = account.mechanism, account.cost, account.blind_to
    assert said == (account.log.mechanism, account.log.cost, account.log.blind_to)


def test_a_witness_that_has_not_begun() -> None:
    """There is no time to tell yet."""
    with pytest.raises(RuntimeError, match="has not begun"):
        _ = Witness().wall_ns


@pytest.mark.parametrize(
    "kind", [pytest.param("sampler", marks=needs_sampler), pytest.param("witness", marks=needs_witness)]
)
def test_a_whole_program(kind: str, tmp_path: Path) -> None:
    """A program is itself under every account; the account fits the schema and can be drawn."""
    code, log = told_program(tmp_path, PROGRAM, *WITHOUT[kind])
    assert code == 3
    jsonschema.validate({"schema_version": 1, "kind": "gilscope ledger", **log}, SCHEMA)
    assert log["mechanism"].startswith(kind)
    assert 0.1e9 < log["wall_ns"] < 60e9
    assert FORCED in drawn(log)


@needs_sampler
@needs_locks
def test_threads_of_a_program_are_known(tmp_path: Path) -> None:
    """Each has its name and its waits for the lock, and on a free-threaded build is watched without asking itself."""
    _, log = told_program(tmp_path, PROGRAM, "ledger")
    threads = {one["name"]: one for one in log["threads"]}
    for name in ("worker 0", "worker 1"):
        assert threads[name]["lock_waits"] >= 1
        assert threads[name]["lock_waited_ns"] > 0.05e9, "until the main thread gave it back"
        assert log["free"] is not None or threads[name]["attached"] is not None
        assert name in drawn(log)


@needs_witness
def test_an_account_that_says_nothing_is_said(tmp_path: Path) -> None:
    """A program so short that nobody could ask ten times runs to its end, and the reason stands for the account."""
    for _ in range(ATTEMPTS):  # a busy machine lets even such a program take long enough for ten
        code, log = run_program(tmp_path, "", *WITHOUT["witness"])
        assert code == 0
        if "unavailable" in log:
            break
    assert "it takes 10 to say anything" in log["unavailable"]
