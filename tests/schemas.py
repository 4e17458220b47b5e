"""The schema of a kind's files, as the package ships it."""

import json
from importlib.resources import files
from typing import Any


def schema_of(kind: str) -> dict[str, Any]:
    """Return it; `kind` is a name of `gilscope.cli.kinds.KINDS`."""
    found: dict[str, Any] = json.loads((files("gilscope") / f"documents/schemas/{kind}.json").read_text("utf-8"))
    return found
