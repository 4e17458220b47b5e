"""The log of the ledger as plain data: whose places are whose."""

from dataclasses import fields, replace

import pytest

from gilscope.accounting.log import Log, SiteAccount, add_sites
from gilscope.documents.typed import plain, typed


def place(offset: int, count: int, released_ns: int, *, longest_ns: int = 1) -> SiteAccount:
    return SiteAccount(
        module="m.so",
        symbol=f"at{offset}",
        offset=offset,
        count=count,
        computing_ns=released_ns,
        blocked_ns=1,
        longest_release_ns=longest_ns,
    )


def log_of(*thread_sites: tuple[int, SiteAccount]) -> Log:
    sites = add_sites(site for _, site in thread_sites)
    return Log(mechanism="ledger", cost="", blind_to=(), wall_ns=1, threads=(), sites=sites, thread_sites=thread_sites)


LOG = log_of((7, place(1, 2, 10, longest_ns=9)), (8, place(1, 1, 90, longest_ns=80)), (7, place(2, 3, 50)))


@pytest.mark.parametrize(
    ("native_ids", "expected"),
    [
        ((7,), [("at2", 3, 51, 1), ("at1", 2, 11, 9)]),
        ({8}, [("at1", 1, 91, 80)]),
        ([7, 8], [("at1", 3, 102, 80), ("at2", 3, 51, 1)]),
        ((), []),
        ((9,), []),
    ],
)
def test_places_of_some_threads(native_ids: tuple[int, ...], expected: list[tuple[str, int, int, int]]) -> None:
    """A place counts what these threads did there, the longest first; nobody else's doings."""
    found = LOG.sites_of(native_ids)
    assert [(one.symbol, one.count, one.released_ns, one.longest_release_ns) for one in found] == expected


def test_all_threads_are_the_whole() -> None:
    """Nothing is lost between the places by thread and those of the log."""
    assert LOG.sites_of([7, 8]) == LOG.sites


def test_plain_data_is_what_it_was() -> None:
    """Places by thread are for those who ask in this process; what is saved has its fields and no others."""
    names = {field.name for field in fields(Log)} - {"thread_sites"}
    assert set(plain(LOG)) == names
    assert typed(Log, plain(LOG)) == replace(LOG, thread_sites=())
