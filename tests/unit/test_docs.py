"""What the documents claim: commands and words that exist, links that lead somewhere."""

import importlib
import re
from pathlib import Path

import click
import pytest

from gilscope.cli import COMMANDS, cli
from gilscope.running import verdicts

ROOT = Path(__file__).parents[2]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted(ROOT.glob("docs/*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files_that_exist(page: Path) -> None:
    """Every relative link of a page names a file of the project."""
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text())
    missing = [link for link in links if "://" not in link and not (page.parent / link).exists()]
    assert not missing


@pytest.mark.parametrize("name", list(COMMANDS))
def test_every_command_is_in_the_readme(name: str) -> None:
    """The README says for every command which question it answers."""
    assert f"`gilscope {name}" in (ROOT / "README.md").read_text()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_and_options_in_the_pages_exist(page: Path) -> None:
    """No page names a command or an option that gilscope does not have."""
    for name, rest in re.findall(r"`gilscope ([a-z]+)([^`\n]*)`", page.read_text()):
        assert name in COMMANDS, f"{page.name} names `gilscope {name}`"
        command = cli.get_command(click.Context(cli), name)
        assert command is not None
        options = {option for parameter in command.params for option in parameter.opts} | {"--help"}
        for option in re.findall(r"(?<=\s)--?[a-z][a-z-]*", rest):
            assert option in options, f"{page.name} names `gilscope {name} {option}`"


def test_every_verdict_is_explained() -> None:
    """Reading a result explains every verdict that there is."""
    text = (ROOT / "docs/reading-a-result.md").read_text()
    words = [value for name, value in vars(verdicts).items() if name.isupper() and isinstance(value, str)]
    assert [word for word in words if f"`{word}" not in text] == []


def test_every_exit_code_is_explained() -> None:
    """Every error's exit code stands in the README's table and in that of reading a result."""
    errors = importlib.import_module("gilscope.errors")
    raised = (errors.UsageError, errors.KernelError, errors.CannotRunError)
    for page in (ROOT / "README.md", ROOT / "docs/reading-a-result.md"):
        listed = {int(code) for code in re.findall(r"^\| (\d+) \|", page.read_text(), flags=re.MULTILINE)}
        assert listed == {0, 1, 3, 130, *(error.exit_code for error in raised)}
