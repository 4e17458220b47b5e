"""What a process takes, read from files of another machine and from this one."""

import os
from pathlib import Path

import pytest

from gilscope.system import memory
from gilscope.system.memory import Memory, memory_of

ROLLUP = """55ce03951000-7ffed43de000 ---p 00000000 00:00 0                          [rollup]
Rss:                1764 kB
Pss:                 234 kB
Pss_Dirty:           116 kB
Shared_Clean:       1604 kB
Private_Clean:        44 kB
Private_Dirty:       116 kB
Private_Hugetlb:    2048 kB
"""


def write(root: Path, pid: str, text: str) -> None:
    folder = root / "proc" / pid
    folder.mkdir(parents=True)
    (folder / "smaps_rollup").write_text(text)


def test_own_pages_are_the_private_ones(tmp_path: Path) -> None:
    """Clean, dirty and huge; Pss_Dirty is not Pss."""
    write(tmp_path, "7", ROLLUP)
    assert memory_of(7, str(tmp_path)) == Memory(own_bytes=(44 + 116 + 2048) * 1024, share_bytes=234 * 1024)


@pytest.mark.parametrize("text", ["", "Rss: 4 kB\n", ROLLUP.replace("Private_Dirty", "Dirty")])
def test_a_kernel_that_does_not_tell_is_no_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """The reason says what would be needed."""
    write(tmp_path, "self", text)
    monkeypatch.setattr(memory, "find_spec", lambda _: None)
    reason = memory.unavailable(str(tmp_path))
    assert reason is not None and "it needs" in reason.reason
    assert not memory.knows_shares(str(tmp_path))
    with pytest.raises(ProcessLookupError):
        memory_of(9, str(tmp_path))


@pytest.mark.skipif(memory.unavailable() is not None, reason="memory cannot be told here")
def test_what_this_process_takes_grows_with_what_it_writes() -> None:
    """By 32 MiB, where it writes 32 MiB."""
    before = memory_of(os.getpid())
    written = b"x" * (32 << 20)
    grown = memory_of(os.getpid()).own_bytes - before.own_bytes
    assert len(written) <= grown + (1 << 20) and grown < 2 * len(written)
