"""Does `gilscope probe` say the same each time? Calls of every class, again and again, quiet and beside a busy process.

Two answers may differ in how much they say, never in what: the classes of a call must be equal or `undecided`, and what
pays equal or `cannot tell`. And no answer may be one that the measured interval of the same output excludes. What fails
is printed, and makes the exit code 1.
"""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any

import click
from pairs import console
from rich.table import Table

from gilscope.probing.advice import CANNOT_TELL, PROCESSES, THREADS
from gilscope.probing.classes import UNDECIDED
from gilscope.probing.expectation import WORTH_IT
from gilscope.running.selftest import BusyProcess
from gilscope.words import counted

TWO_AT_ONCE = """
import subprocess, sys
program = [sys.executable, '-S', '-E', '-c', 'for _ in range(10**6): pass']
def two():
    both = [subprocess.Popen(program) for _ in range(2)]
    for one in both: one.wait()
"""
#: What to call, and its setup: one of each class at least, and those on whose answers something once went wrong.
CALLS = {
    "bytecode": ("sum(i * i for i in range(20000))", ""),
    "bytecode, short": ("sum(range(10))", ""),
    "native, GIL held": ("json.dumps(data)", "import json; data = list(range(100_000))"),
    "waits with the GIL": ("sleep(5000)", "import ctypes; sleep = ctypes.PyDLL(None).usleep"),
    "releases": ("zlib.crc32(data)", "import zlib; data = bytes(10**6)"),
    "releases, its twin": ("zlib.adler32(data)", "import zlib; data = bytes(10**6)"),
    "releases, long": ("hashlib.sha256(data).digest()", "import hashlib; data = bytes(10**7)"),
    "releases, too fine": ("hashlib.sha256(data).digest()", "import hashlib; data = bytes(2048)"),
    "waits": ("time.sleep(0.01)", "import time"),
    "mixed": ("sum(range(60000)); zlib.compress(data)", "import zlib; data = bytes(300_000)"),
    "a lock of its own": ("c.compress(data)", "import zlib; c = zlib.compressobj(); data = bytes(10**5)"),
    "already parallel": ("two()", TWO_AT_ONCE),
}


@dataclass
class Answers:
    """What was said of one call, in one condition: how often each class and each way, and what its figures exclude."""

    classes: Counter[str] = field(default_factory=Counter)
    pays: Counter[str] = field(default_factory=Counter)
    excluded: list[str] = field(default_factory=list)

    def add(self, probe: dict[str, Any]) -> None:
        """Take in one probe's JSON."""
        self.classes[probe["class"]] += 1
        self.pays[probe["pays"] or "failed"] += 1
        self.excluded += contradictions(probe)

    @property
    def holds(self) -> bool:
        """Whether all of it says the same, or less, and nothing that its figures exclude."""
        decided = [self.classes.keys() - {UNDECIDED}, self.pays.keys() - {CANNOT_TELL}]
        return not self.excluded and all(len(kinds) <= 1 for kinds in decided)


def contradictions(probe: dict[str, Any]) -> list[str]:
    """Say what an answer claims that the measured interval of the same output excludes."""
    found, pays = [], probe["pays"]
    for one in probe["measured"]:
        gave, way = one["speed_up"], one["way"]
        if way not in (THREADS, PROCESSES) or not gave or not gave["low"] or gave["high"] is None:
            continue
        if pays == way and gave["high"] < WORTH_IT:
            found.append(f"{way} pay, measured {gave['low']:.2f} to {gave['high']:.2f}")
        if way == THREADS and pays not in (THREADS, CANNOT_TELL, "nothing more") and gave["low"] >= WORTH_IT:
            found.append(f"{pays}, though threads measured {gave['low']:.2f} to {gave['high']:.2f}")
    return found


def ask(statement: str, setup: str, arguments: Sequence[str]) -> dict[str, Any]:
    """Probe a call once, in processes of its own, as a person does."""
    command = [sys.executable, "-m", "gilscope", "probe", "-s", setup, statement, "--statement", "--json", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def row(name: str, quiet: Answers, busy: Answers) -> list[str]:
    """Lay out what was said of one call."""
    told = [", ".join(f"{what} x{n}" for what, n in counts.most_common()) for counts in (quiet.classes, quiet.pays)]
    beside = [", ".join(f"{what} x{n}" for what, n in counts.most_common()) for counts in (busy.classes, busy.pays)]
    return [name, *told, *beside, "yes" if quiet.holds and busy.holds else "NO"]


@click.command(context_settings={"ignore_unknown_options": True})
@click.option("-n", "n_probes", default=20, show_default=True, help="Probes of each call in each condition.")
@click.option("--call", "only", multiple=True, type=click.Choice(list(CALLS)), help="This one alone; repeatable.")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def main(n_probes: int, only: tuple[str, ...], arguments: tuple[str, ...]) -> None:
    """Probe every call N_PROBES times alone and as often beside a busy process; ARGUMENTS go to `gilscope probe`."""
    names = only or tuple(CALLS)
    answers = {(name, busy): Answers() for name in names for busy in (False, True)}
    for i in range(n_probes):
        for (name, busy), one in answers.items():
            with BusyProcess() if busy else nullcontext():
                one.add(ask(*CALLS[name], arguments))
        print(f"{i + 1} of {n_probes}", file=sys.stderr, flush=True)
    table = Table("call", "class", "pays", "class beside a busy process", "pays beside it", "holds", box=None)
    for name in names:
        table.add_row(*row(name, answers[name, False], answers[name, True]))
    console().print(table)
    excluded = [f"{name}: {text}" for (name, _), one in answers.items() for text in one.excluded]
    console().print("\n".join(excluded) or "no answer is one that its own figures exclude")
    broken = [name for name in names if not (answers[name, False].holds and answers[name, True].holds)]
    console().print(f"{counted(len(names) - len(broken), 'call')} of {len(names)}: all answers equal, or cannot tell")
    sys.exit(1 if broken else 0)


if __name__ == "__main__":
    main()
