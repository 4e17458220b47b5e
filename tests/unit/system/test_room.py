"""Memory as Linux tells it, and None where it does not."""

from pathlib import Path

from gilscope.system.room import available_bytes, last_level_cache_bytes


def test_what_can_be_had(tmp_path: Path) -> None:
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/meminfo").write_text("MemTotal:       24682496 kB\nMemAvailable:   23000000 kB\n")
    assert available_bytes(str(tmp_path)) == 23_000_000 * 1024


def test_the_last_cache_is_the_largest(tmp_path: Path) -> None:
    for index, size in enumerate(("32K", "32K", "1024K", "32768K")):
        folder = tmp_path / f"sys/devices/system/cpu/cpu0/cache/index{index}"
        folder.mkdir(parents=True)
        (folder / "size").write_text(f"{size}\n")
    assert last_level_cache_bytes(str(tmp_path)) == 32 * 2**20


def test_a_system_that_does_not_say(tmp_path: Path) -> None:
    assert available_bytes(str(tmp_path)) is None
    assert last_level_cache_bytes(str(tmp_path)) is None
