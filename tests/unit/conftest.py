"""Fixtures of the unit tests."""

from collections.abc import Callable
from pathlib import Path

import pytest

Tree = Callable[[dict[str, str]], str]


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """Build the /proc and /sys of another machine from path -> text, and return the folder that stands for its root."""

    def build(files: dict[str, str]) -> str:
        for path, text in files.items():
            file = tmp_path / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        return str(tmp_path)

    return build
