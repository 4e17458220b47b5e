"""How an OpenMP team is told to wait and where to run, before its runtime is loaded."""

import os
import sys
from types import SimpleNamespace
from typing import Any

import pytest

from gilscope.errors import Unavailable
from gilscope.kernels import Kernel, with_openmp


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Give an environment in which nobody has said anything about OpenMP, and an extension that takes any team."""
    told = {name for names in with_openmp.SAID.values() for name in names}
    values = {name: value for name, value in os.environ.items() if name not in told}
    monkeypatch.setattr(os, "environ", values)
    extension = SimpleNamespace(VERSION=201511, square=lambda x, out, team: team, square_compute=lambda *given: given)
    monkeypatch.setitem(sys.modules, "gilscope.kernels._openmp", extension)
    return values


def test_a_team_does_not_spin_into_the_next_arm(environment: dict[str, str]) -> None:
    """Its idle threads wait for less than a lead-in, with GCC's runtime and with LLVM's."""
    with_openmp.load("square", 2)
    assert {name: environment[name] for name in with_openmp.SPIN} == with_openmp.SPIN
    assert "OMP_PLACES" not in environment


def test_a_team_that_needs_every_cpu_gets_one_each(environment: dict[str, str]) -> None:
    """As the workers of every other strategy do."""
    with_openmp.load("square", 2, (3, 5))
    assert (environment["OMP_PLACES"], environment["OMP_PROC_BIND"]) == ("{3},{5}", "true")


@pytest.mark.parametrize("said", ["OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME"])
def test_what_the_user_has_said_of_waiting_holds(environment: dict[str, str], said: str) -> None:
    """One setting of theirs, and none of ours."""
    environment[said] = "their own"
    with_openmp.load("square", 2)
    assert {name: environment[name] for name in with_openmp.SAID["wait"] if name in environment} == {said: "their own"}


@pytest.mark.parametrize("said", ["OMP_PLACES", "OMP_PROC_BIND", "GOMP_CPU_AFFINITY", "KMP_AFFINITY"])
def test_what_the_user_has_said_of_places_holds(environment: dict[str, str], said: str) -> None:
    """One setting of theirs, and none of ours."""
    environment[said] = "their own"
    with_openmp.load("square", 2, (0, 1))
    assert {name: environment[name] for name in with_openmp.SAID["place"] if name in environment} == {said: "their own"}


def test_the_kernel_passes_its_team_on(environment: dict[str, str]) -> None:
    """Callers give arrays alone, as to any other kernel."""
    kernel = with_openmp.load("square", 2)
    assert isinstance(kernel, Kernel)
    given: Any = kernel.compute(b"x", 7)
    assert given == (b"x", 7, 2)


def test_an_extension_that_cannot_be_imported_is_unavailable(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reason is the one that the import gave."""
    monkeypatch.setitem(sys.modules, "gilscope.kernels._openmp", None)
    reason = with_openmp.load("square", 2)
    assert isinstance(reason, Unavailable)
    assert "gilscope.kernels._openmp cannot be imported" in reason.reason
