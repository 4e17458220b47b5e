"""The page of the syllabus says what the experiments' docstrings say."""

import importlib.util
from pathlib import Path

from gilscope.experiments import EXPERIMENTS

ROOT = Path(__file__).parents[3]


def test_the_page_is_what_the_docstrings_say() -> None:
    """After a change of one: `python .ci/write_syllabus.py`."""
    spec = importlib.util.spec_from_file_location("write_syllabus", ROOT / ".ci/write_syllabus.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    page = (ROOT / "docs/syllabus.md").read_text(encoding="utf-8")
    assert module.text() == page
    assert all(f"\n## {name}\n" in page for name in EXPERIMENTS)
