"""What doctor prints of a machine: figures that a person reads, whatever the machine says of itself."""

import re
from dataclasses import dataclass, replace

from gilscope.cli.doctor import _facts
from gilscope.machine.description import describe


@dataclass(frozen=True)
class Facts:
    """A fact of each kind."""

    read_ns: float | None = 446.53
    step_ns: int = 1_500_000
    switch_interval_s: float = 0.005
    load: tuple[float, ...] = (11.03076171875, 7.6, 1e-7)
    cpus: tuple[int, ...] = (0, 1)
    share: float = 1e-9
    is_virtual: bool | None = None


def test_times_have_their_unit_and_figures_few_digits() -> None:
    """The name of a fact has its unit in the JSON, and what is printed has it behind the figure."""
    assert dict(_facts("", Facts())) == {
        "read": "447 ns",
        "step": "1.5 ms",
        "switch_interval": "5 ms",
        "load": "11, 7.6, less than 0.001",
        "cpus": "0, 1",
        "share": "less than 0.001",
        "is_virtual": "unknown",
    }
    assert dict(_facts("", replace(Facts(), read_ns=None)))["read"] == "unknown"


def test_no_fact_of_this_machine_is_unreadable() -> None:
    """None has an exponent, or digits that nobody reads."""
    for name, told in _facts("", describe()):
        if not name.startswith(("versions", "system release")):
            assert not re.search(r"\d\.\d{4}|\d[eE][+-]\d", told), (name, told)
