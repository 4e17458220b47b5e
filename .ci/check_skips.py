"""Fail if a test was skipped under every interpreter: then nothing here has ever run it.

Usage: check_skips.py FOLDER, with NAME.xml (JUnit, from pytest) and NAME.json (from interpreters.py) of each run.
The exceptions are in allowed-skips.toml beside this file.
"""

import json
import subprocess
import sys
import tempfile
import tomllib
from fnmatch import fnmatchcase
from pathlib import Path
from xml.etree import ElementTree as ET

ALLOWED = Path(__file__).with_name("allowed-skips.toml")


def outcomes(report: Path) -> dict[str, str]:
    """Return the reason of each test's skip by the test's name, empty for a test that ran."""
    found = {}
    for case in ET.parse(report).iter("testcase"):
        skipped = case.find("skipped")
        ran = skipped is None or skipped.get("type") == "pytest.xfail"
        name = f"{case.get('classname')}::{case.get('name')}"
        found[name] = "" if ran or skipped is None else skipped.get("message") or "no reason given"
    return found


def never_run(reports: list[Path]) -> dict[str, str]:
    """Return the tests that no report shows as run, with a reason for each."""
    skipped: dict[str, str] = {}
    ran: set[str] = set()
    for report in reports:
        for name, reason in outcomes(report).items():
            if reason:
                skipped[name] = reason
            else:
                ran.add(name)
    return {name: reason for name, reason in skipped.items() if name not in ran}


def sanitizes() -> bool:
    """Tell whether a program that the thread sanitizer watches can be compiled and runs here."""
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "program"
        compiler = ["cc", "-fsanitize=thread", "-x", "c", "-", "-o", str(program)]
        try:
            subprocess.run(compiler, input=b"int main(void) { return 0; }", capture_output=True, check=True)
            # Some kernels place memory where an older sanitizer does not expect it, and some sandboxes forbid to ask.
            ways = ([program], ["setarch", "-R", program])
            tries = [subprocess.run(way, capture_output=True, check=False) for way in ways]
        except (OSError, subprocess.CalledProcessError):
            return False
    return any(one.returncode == 0 for one in tries)


def is_free_threaded(interpreters: list[dict[str, object]]) -> bool:
    """Tell whether one of them is a free-threaded build."""
    return any(facts["free_threaded"] for facts in interpreters)


#: What allowed-skips.toml may name, and how to tell whether it is here.
NEEDS = {"free-threading": is_free_threaded, "thread sanitizer": lambda _: sanitizes()}


def missing_here(interpreters: list[dict[str, object]]) -> set[str]:
    """Return which of the things that allowed-skips.toml may name are not to be had on this machine."""
    return {need for need, is_here in NEEDS.items() if not is_here(interpreters)}


def main(folder: Path) -> int:
    """Print what was never run; return the exit code."""
    reports = sorted(folder.glob("*.xml"))
    interpreters = [json.loads(path.with_suffix(".json").read_text()) for path in reports]
    missing = missing_here(interpreters)
    entries = tomllib.loads(ALLOWED.read_text()).get("allowed", [])
    patterns = [entry["test"] for entry in entries if entry["needs"] in missing]
    failed = 0
    print(f"interpreters: {', '.join(str(facts['version']) for facts in interpreters)}")
    for name, reason in sorted(never_run(reports).items()):
        allowed = any(fnmatchcase(name, pattern) for pattern in patterns)
        failed += not allowed
        print(f"{'allowed' if allowed else 'NEVER RUN'}: {name}: {reason}")
    print(f"{failed} tests were skipped under every interpreter without leave")
    return 1 if failed or not reports else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
