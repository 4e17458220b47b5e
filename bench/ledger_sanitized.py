"""Has the ledger a data race? Installs and removals beside busy threads, in a copy built with gcc's thread sanitizer.

    python bench/ledger_sanitized.py --installs 2000

Threads take and release the GIL, start and end, and read the books meanwhile, with the timeline and the CPU clock on
and off. The interpreter stays as it is: its locks are the C library's, and those the sanitizer sees. A copy without the
ledger's own lock comes first, for a sanitizer that finds nothing there would find nothing at all. Ends with 1 if a
report names the ledger or a count is not as it should be, with 5 where there is no such sanitizer or no ledger.
"""

import json
import os
import random
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

import click

import gilscope
from gilscope.accounting import _ledger
from gilscope.accounting.ledger import availability
from gilscope.kernels import _capi

N_BUSY = 8
#: Short, so that many a wait times out and many a drop is asked for.
SWITCH_INTERVAL_S = 0.0005
CONTROL_INSTALLS = 50
#: No time that the ledger tells is longer, in ticks; one that is less than nothing reads as more.
TOO_LONG = 1 << 60
EXTENSIONS = {"accounting/_ledger": "ledger/ledger.c", "kernels/_capi": "kernels/capi.c"}
FLAGS = ("-fsanitize=thread", "-O1", "-g", "-fPIC", "-shared", "-ffp-contract=off", "-DNDEBUG")
LOCK = re.compile(r"pthread_mutex_(un)?lock\(&books_mutex\);")


class Load:
    """Threads that do to the GIL all that threads do, until told to stop."""

    def __init__(self) -> None:
        self._busy = True
        targets = [*[self._work] * N_BUSY, self._start_threads, self._read]
        self._threads = [threading.Thread(target=target) for target in targets]

    def __enter__(self) -> None:
        sys.setswitchinterval(SWITCH_INTERVAL_S)
        for thread in self._threads:
            thread.start()

    def __exit__(self, *error: object) -> None:
        self._busy = False
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        rng, x = random.Random(), memoryview(bytearray(512)).cast("d")
        calls = (
            lambda: _capi.release_pairs(20),
            lambda: sum(range(2000)),
            lambda: _capi.square_compute_released(x, rng.choice((1, 500))),  # above what the CPU clock times, and below
            lambda: _capi.square_compute_held(x, 2000),
            lambda: time.sleep(0.0001),
        )
        while self._busy:
            rng.choice(calls)()

    def _start_threads(self) -> None:
        while self._busy:
            threads = [threading.Thread(target=_capi.release_pairs, args=(3,)) for _ in range(3)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()

    def _read(self) -> None:
        while self._busy:
            _ledger.snapshot()
            _ledger.events(0)
            time.sleep(0.001)


def drops_of(snapshot: "_ledger.Snapshot", native_id: int) -> int:
    """Return how often a thread dropped the GIL, by a snapshot."""
    return sum(one["drops"] for one in snapshot["accounts"] if one["native_id"] == native_id)


def longest_of(account: "_ledger.Account") -> int:
    """Return the longest of an account's times, in ticks."""
    released = account["released"]
    return max(account["held"], account["waited"], account["longest_wait"], released["ticks"], released["longest"])


def install(count: int) -> Counter[str]:
    """Turn the ledger on and off so many times beside the load; return what was not as it should be."""
    found: Counter[str] = Counter()
    me = threading.get_native_id()
    with Load():
        _ledger.start(0)
        _ledger.stop()
        slots, n_stolen = _ledger.slots(), _ledger.snapshot()["n_stolen"]
        for turn in range(count):
            _ledger.time_cpu(turn // 2 % 2)
            _ledger.start(0 if turn % 2 == 0 else 5000)
            if turn % 8 == 1:  # a second one beside it, which wants a larger ring
                _ledger.start(1 << min(17, 14 + turn // 8))
                _ledger.stop()
            before = _ledger.snapshot()
            _capi.release_pairs(10)
            if turn % 16 == 0:
                time.sleep(0.002)
            account = _ledger.Books()  # what a Ledger is, without its self-test; it begins the longest times anew
            account._start(0, turn % 3 == 0)  # noqa: SLF001
            after = _ledger.snapshot()
            account._stop()  # noqa: SLF001
            _ledger.events(before["n_events"])
            _ledger.stop()
            found["own releases missed"] += drops_of(after, me) - drops_of(before, me) < 10
            found["slots changed"] += _ledger.slots() != slots
            found["times less than nothing"] += sum(longest_of(one) > TOO_LONG for one in after["accounts"])
        found["slots stolen"] = _ledger.snapshot()["n_stolen"] - n_stolen
    return +found


def compiler() -> list[str]:
    """Return the command of the compiler that extensions are built with."""
    return (os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc").split()


def sanitizer() -> str | None:
    """Return the path of gcc's thread sanitizer, None where there is none."""
    try:
        command = [*compiler(), "-print-file-name=libtsan.so"]
        path = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
    return path if Path(path).is_absolute() else None


def build(folder: Path, *, locked: bool) -> None:
    """Put a sanitized copy of the package into a folder, with the ledger's lock or without."""
    shutil.copytree(Path(gilscope.__file__).parent, folder / "gilscope", ignore=shutil.ignore_patterns("*.so"))
    shutil.copytree(Path(__file__).parents[1] / "ext", folder / "ext")
    for path in () if locked else (folder / "ext/ledger").iterdir():
        path.write_text(LOCK.sub("", path.read_text()))
    for name, source in EXTENSIONS.items():
        include = [f"-I{sysconfig.get_path('include')}", f"-I{folder / 'ext'}"]
        target = folder / "gilscope" / f"{name}.so"
        subprocess.run([*compiler(), *FLAGS, *include, str(folder / "ext" / source), "-o", str(target)], check=True)


def without_random_addresses() -> list[str]:
    """Return what to put before a command: some kernels place memory where an older sanitizer does not expect it."""
    prefix = ["setarch", "-R"]
    try:
        return prefix if subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode == 0 else []
    except OSError:
        return []


def run(library: str, installs: int, *, locked: bool) -> tuple[dict[str, int], list[str], int]:
    """Build and run the load in a process of its own; return its counts, the ledger's reports, how many others."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        build(folder, locked=locked)
        environment = {
            **os.environ,
            "LD_BIND_NOW": "1",  # or the loader, binding late, changes slots by itself
            "PYTHONPATH": name,
            "TSAN_OPTIONS": f"log_path={folder / 'report'} exitcode=0 history_size=7",
        }
        command = [
            *without_random_addresses(),
            "env",
            f"LD_PRELOAD={library}",
            sys.executable,
            __file__,
            f"--here={name}",
            f"--installs={installs}",
        ]
        done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=False)
        texts = [path.read_text(errors="replace") for path in folder.glob("report.*")]
        if done.returncode != 0 and locked:
            raise click.ClickException(f"the load ended with {done.returncode}; {' '.join(texts)[-2000:]}")
        reports = [report.strip() for text in texts for report in text.split("=" * 18) if "WARNING" in report]
        ours = [report for report in reports if re.search(r"#\d+ .*\bledger", report)]
        return json.loads(done.stdout or "{}"), ours, len(reports) - len(ours)


@click.command()
@click.option("--installs", default=2000, show_default=True, type=click.IntRange(min=1), help="Some 30 a second.")
@click.option("--here", hidden=True, help="Be the process that runs the load, with the package in this folder.")
@click.pass_context
def main(context: click.Context, installs: int, here: str | None) -> None:
    """Look for data races in the ledger with a thread sanitizer."""
    if here is not None:
        assert _ledger.__file__.startswith(here), "another build of gilscope stands before the sanitized one"
        print(json.dumps(install(installs)))
        return
    library, absence = sanitizer(), availability()
    if library is None or absence is not None:
        print(absence or "This compiler has no libtsan.so; on Debian it comes with gcc, on Fedora as libtsan.")
        context.exit(5)
    _, control, _ = run(library, CONTROL_INSTALLS, locked=False)
    if not control:
        print("The sanitizer does not run here, or does not see the races of a ledger without its lock.")
        context.exit(5)
    print(
        f"Without its lock: {len(control)} reports name the ledger in {CONTROL_INSTALLS} installs, so races are seen."
    )
    begin_s = time.monotonic()
    counts, reports, n_others = run(library, installs, locked=True)
    print(*reports, sep="\n\n", end="\n\n" if reports else "")
    for what, count in counts.items():
        print(f"{what}: {count}")
    load = f"{installs} installs and removals beside {N_BUSY} busy threads and {time.monotonic() - begin_s:.0f} s"
    print(f"As it is: {len(reports)} reports name the ledger in {load}; {n_others} reports name other code only.")
    context.exit(1 if reports or counts else 0)


if __name__ == "__main__":
    main()
