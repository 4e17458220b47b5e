"""Do the classes hold? Probe every call of the shipped atlases, and compare with what CPython's and NumPy's source say.

Prints each call whose class is not the one in ``tests/fixtures/expected_classes.toml``, with its shares and where the
expectation comes from; then the agreement, and the time per call. Takes some minutes; a mismatch makes the exit code 1.
With `-o` a second run measures what is missing, and with `--again` what mismatched.
"""

import sys
import tomllib
from pathlib import Path
from statistics import median

import click

from gilscope.atlas import calls, document, rows, selection, survey
from gilscope.atlas.result import NOT_INSTALLED, AtlasResult, MachineFacts, Row
from gilscope.errors import UsageError
from gilscope.places import portable
from gilscope.system.cpus import usable_cpus
from gilscope.words import counted, duration, seconds

EXPECTED = Path(__file__).parents[1] / "tests/fixtures/expected_classes.toml"


def expectations() -> dict[str, dict[str, str]]:
    """Return the calls whose class follows from a source, by name."""
    with EXPECTED.open("rb") as file:
        return {entry["name"]: entry for entry in tomllib.load(file)["expected"]}


def told(row: Row, expected: dict[str, str]) -> str:
    """Return a mismatch with its figures, and where the expectation comes from."""
    share = row.released
    figures = row.failure
    if share is not None:
        figures = (
            f"released {share.estimate:.3f} [{share.low:.3f}, {share.high:.3f}], "
            f"{counted(row.releases, 'release')} of {duration(row.mean_release_ns)} in {duration(row.wall_ns)}"
        )
    needs = f"\n    only with {expected['needs']}" if "needs" in expected else ""
    return f"{row.name}: {row.class_}, expected {expected['class']}\n    {figures}\n    {expected['source']}{needs}"


@click.command()
@click.argument("atlases", nargs=-1, type=click.Choice(calls.SHIPPED))
@click.option("-k", "parts", multiple=True, help="Only calls with this in their name or group.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Keep the rows, one JSON file for each atlas.")
@click.option("--again", is_flag=True, help="Measure mismatches in the output file once more.")
def main(atlases: tuple[str, ...], parts: tuple[str, ...], output: Path | None, *, again: bool) -> None:
    """Compare the classes of the shipped ATLASES, both by default, with what is expected of them."""
    expected, usable, n_compared = expectations(), usable_cpus(), 0
    took: list[float] = []
    mismatches: list[str] = []
    for name in atlases or calls.SHIPPED:
        atlas = calls.load(name)
        path = None if output is None else output.with_suffix(f".{name}.json")
        found: dict[str, Row] = {}
        if path is not None and path.exists():
            found = document.rows_to_go_on_from(path, atlas)
        before = {key: row for key, row in found.items() if not (again and _differs(row, expected.get(key)))}
        try:
            chosen = selection.select(atlas, parts, None)
        except UsageError:
            continue  # what is asked for is in the other atlas
        for event in survey.survey(chosen, before):
            if isinstance(event, survey.Begun):
                print(f"\r{event.position:4} of {event.n_calls}", end="", file=sys.stderr, flush=True)
                continue
            row = found[event.row.name] = event.row
            if row.took_s:
                took.append(row.took_s)
            if path is not None:
                machine = MachineFacts(usable_cpus=usable.count, usable_cpus_from=usable.source, python=row.python)
                result = AtlasResult(
                    tool="bench",
                    title=portable(atlas.title),
                    n_calls=len(atlas.calls),
                    machine=machine,
                    rows=tuple(found.values()),
                )
                document.ATLAS.write(result, path)
            wanted = expected.get(row.name)
            if wanted is not None and row.class_ != NOT_INSTALLED:
                n_compared += 1
                if _differs(row, wanted):
                    mismatches.append(told(row, wanted))
        print("\r", end="", file=sys.stderr)
    for text in mismatches:
        print(f"{text}\n")
    print(f"{rows.python_name()}: {n_compared - len(mismatches)} of {n_compared} classes as expected")
    if took:
        print(f"{len(took)} calls, {seconds(median(took))} each (median), {seconds(max(took))} at the most")
    sys.exit(1 if mismatches else 0)


def _differs(row: Row, expected: dict[str, str] | None) -> bool:
    return expected is not None and row.class_ != expected["class"]


if __name__ == "__main__":
    main()
