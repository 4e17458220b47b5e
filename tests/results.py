"""A result of every kind, for what holds of all of them: a line here for each of `gilscope.cli.kinds.KINDS`."""

from typing import Any

import fakes

RESULTS: dict[str, Any] = {
    "run": fakes.hand_made(),
}
