"""What an import's examination says: names of pools, lines of the table, exit codes."""

import sysconfig
from typing import Any

import pytest

from gilscope.cli import main
from gilscope.cli.exit_codes import of_imports as exit_code
from gilscope.cli.imports import absences, cells
from gilscope.importing import result
from gilscope.importing.result import DOES_NOT_APPLY, REENABLED, STAYS_OFF, TOO_OLD, Import, pools_among

FINE = Import(module="m", outcome="imported", import_ns=2_500_000, gil=STAYS_OFF, own_gil="works", threads=())
CRASHED = Import(module="c", outcome="crashed", message="SIGSEGV ended it")


@pytest.mark.parametrize(
    ("file", "pool"),
    [
        ("libgomp.so.1", "GNU OpenMP"),
        ("libgomp-a34b3233.so.1.0.0", "GNU OpenMP"),
        ("libiomp5.so", "Intel OpenMP"),
        ("libomp.so.5", "LLVM OpenMP"),
        ("libscipy_openblas64_-ff651d7f.so", "OpenBLAS"),
        ("libopenblas.so.0", "OpenBLAS"),
        ("libblis.so.4", "BLIS"),
        ("libmkl_rt.so.2", "MKL"),
        ("libtbb.so.12", "TBB"),
    ],
)
def test_pools_are_known_by_their_files(file: str, pool: str) -> None:
    """Each known library is found under the names that distributions and wheels give it."""
    assert pools_among([file, "libc.so.6"]) == (pool,)


def test_other_libraries_are_no_pools() -> None:
    """What merely resembles a name does not count."""
    assert pools_among(["libc.so.6", "libompt_check.so", "mylibgomp.py", "libz.so.1"]) == ()


def test_exit_codes() -> None:
    """A failure weighs more than a GIL that came back; what does not apply is fine."""
    back = Import(module="b", outcome="imported", gil=REENABLED)
    does_not_apply = Import(module="d", outcome="imported", gil=DOES_NOT_APPLY)
    assert exit_code([FINE, does_not_apply]) == 0
    assert exit_code([FINE, back]) == 1
    assert exit_code([back, CRASHED]) == 4
    not_tried = Import(module="n", outcome="not tried", message="no further thread or process may be started")
    assert exit_code([FINE, back, not_tried]) == 5
    assert exit_code([not_tried, CRASHED]) == 4


def test_a_line_says_everything() -> None:
    """What is unknown, and what there is none of, is said."""
    assert cells(FINE) == ("m", "2.5 ms", STAYS_OFF, "works", "none", "none known")
    assert cells(CRASHED) == ("c", "crashed: SIGSEGV ended it", "-", "-", "-", "-")
    unknown = Import(module="u", outcome="imported", import_ns=1, gil=STAYS_OFF, own_gil="works", pools=("TBB", "MKL"))
    assert cells(unknown)[4:] == ("unknown", "TBB, MKL")


@pytest.mark.parametrize("arguments", [["doctor", "--imports"], ["doctor", "zlib"]])
def test_modules_and_the_option_belong_together(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """One without the other is wrong usage, with an example of what is right."""
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert "gilscope doctor --imports numpy zlib" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("free_threaded", "before", "after", "gil"),
    [
        (0, True, True, DOES_NOT_APPLY),
        (1, False, False, STAYS_OFF),
        (1, False, True, REENABLED),
        (1, True, True, DOES_NOT_APPLY),  # forced on from outside
    ],
)
def test_what_an_import_does_to_the_gil(
    monkeypatch: pytest.MonkeyPatch, free_threaded: int, before: bool, after: bool, gil: str
) -> None:
    """Only where the GIL was off can an import bring it back."""
    answer: dict[str, Any] = {"outcome": "imported", "import_ns": 1, "gil_before": before, "gil_after": after}
    monkeypatch.setattr(result, "_ask", lambda module, limit_s, inside: answer | {"threads": None, "mapped": []})
    monkeypatch.setattr(sysconfig, "get_config_var", lambda name: free_threaded)
    assert result.examine_import("m").gil == gil


def test_what_is_a_matter_of_the_interpreter_is_said_once() -> None:
    """However many modules were asked about; what they differ in stays in the table."""
    old = [Import(module=name, outcome="imported", import_ns=1, gil=DOES_NOT_APPLY, own_gil=TOO_OLD) for name in "abc"]
    assert absences([*old, CRASHED]) == {"GIL": DOES_NOT_APPLY, "interpreter with its own GIL": TOO_OLD}
    assert absences([FINE, FINE, CRASHED]) == {}
    assert absences([CRASHED]) == {}
