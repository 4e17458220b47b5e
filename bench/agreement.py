"""Do honest runs contradict each other? The main job again and again, alone and beside a busy process, and compared.

Two runs may differ in how much they say, never in what: every arm's verdicts must be equal, or say "unresolved" or
that there was no second CPU. What contradicts is printed, and makes the exit code 1.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import nullcontext
from pathlib import Path

import click
from pairs import console
from rich.table import Table

from gilscope.running import verdicts
from gilscope.running.document import RUN
from gilscope.running.result import Result
from gilscope.running.selftest import BusyProcess


def one_run(path: Path, arguments: tuple[str, ...], *, busy: bool) -> Result | None:
    """Run the main job once, in a process of its own; return what it saved, or None if it could not start."""
    command = [sys.executable, "-m", "gilscope", "run", *arguments, "--format", "json", "-o", str(path), "--force"]
    with BusyProcess() if busy else nullcontext():
        subprocess.run(command, stdout=subprocess.DEVNULL, check=False)
    return RUN.read(path) if path.exists() else None


def contradictions(seen: dict[str, Counter[str]]) -> dict[str, Counter[str]]:
    """Return the arms of which two different things were said."""
    said = {arm: Counter({v: n for v, n in found.items() if verdicts.decides(v)}) for arm, found in seen.items()}
    return {arm: found for arm, found in said.items() if len(found) > 1}


def table_of(seen: dict[str, Counter[str]]) -> Table:
    """Lay out how often each arm got which verdict."""
    table = Table("arm", "verdicts, and how often", box=None)
    for arm, found in seen.items():
        table.add_row(arm, ", ".join(f"{verdict} x{n}" for verdict, n in found.most_common()))
    return table


@click.command(context_settings={"ignore_unknown_options": True})
@click.option("-n", "n_runs", default=10, show_default=True, help="Runs of each kind.")
@click.option("--pause", default=0.0, show_default=True, help="Seconds between two runs.")
@click.option("-o", "folder", type=click.Path(path_type=Path, file_okay=False), help="Keep the results there.")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def main(n_runs: int, pause: float, folder: Path | None, arguments: tuple[str, ...]) -> None:
    """Run the main job N_RUNS times alone and as often beside a busy process; ARGUMENTS go to `gilscope run`."""
    seen: dict[str, Counter[str]] = {}
    with tempfile.TemporaryDirectory() as temporary:
        place = folder or Path(temporary)
        place.mkdir(parents=True, exist_ok=True)
        for i in range(n_runs):
            for busy in (False, True):
                kind = "busy" if busy else "alone"
                result = one_run(place / f"{i:02}-{kind}.json", arguments, busy=busy)
                rows = [] if result is None else [row for row in result.rows if row.unavailable is None]
                for row in rows:
                    verdict = verdicts.UNRESOLVED if verdicts.is_open(row.verdict) else row.verdict
                    seen.setdefault(row.arm.id, Counter())[verdict] += 1
                decided = sum(verdicts.decides(row.verdict) for row in rows)
                print(f"run {i + 1} of {n_runs}, {kind}: {decided} verdicts", file=sys.stderr, flush=True)
                time.sleep(pause)
    console().print(table_of(seen))
    found = contradictions(seen)
    console().print(json.dumps(found, indent=1) if found else "no run contradicts another")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
