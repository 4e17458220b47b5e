from typing import NotRequired, TypedDict

UNAVAILABLE: str
OF_STATES: int

class Handle: ...

class Seen(TypedDict):
    threads: list[tuple[int, int]]
    n_free: NotRequired[int]
    n_others: NotRequired[int]
    n_at_once: NotRequired[list[int]]

class Reading(TypedDict):
    wall_ns: int
    n_slots: int
    n_looks: int
    longest_gap_ns: int
    seen: Seen

class Record(TypedDict):
    address: int
    holder: int
    locked: int
    waiting_begin: int
    waiting_end: int
    native_id: int

def start(period_ns: int, /) -> Handle: ...
def stop(handle: Handle, /) -> Reading: ...
def peek(handle: Handle, /) -> Reading: ...
def watch(handle: Handle, /) -> None: ...
def record() -> Record: ...
def arrive(sleep_ns: int, /) -> tuple[int, int]: ...
