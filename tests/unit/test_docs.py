"""The documentation names what there is."""

from pathlib import Path

import pytest

from gilscope.cli import COMMANDS
from gilscope.errors import CannotRunError, KernelError, UsageError

ROOT = Path(__file__).parents[2]


def documentation() -> str:
    """Return the README and everything under docs/."""
    files = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    return "\n".join(file.read_text(encoding="utf-8") for file in files if file.exists())


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_documented(command: str) -> None:
    """README.md or docs/ shows each command as it is typed."""
    assert f"gilscope {command}" in documentation()


def test_every_exit_code_is_documented() -> None:
    """Whoever calls gilscope from a script finds what each code means."""
    text = documentation()
    for code in (0, UsageError.exit_code, 3, KernelError.exit_code, CannotRunError.exit_code, 130):
        assert f"| {code} |" in text or f"`{code}`" in text or f" {code} " in text


@pytest.mark.parametrize("marker", ["run", "test"])
def test_the_readme_has_the_two_commands_of_a_newcomer(marker: str) -> None:
    """Each marker line is followed at once by a fenced block with one command that sets everything up itself."""
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    at = lines.index(f"<!-- {marker} -->")
    assert lines[at + 1].startswith("```")
    assert "python3 -m venv .venv" in lines[at + 2]
    assert {"run": ".venv/bin/gilscope run", "test": ".venv/bin/pytest"}[marker] in " ".join(lines[at + 2 : at + 6])
