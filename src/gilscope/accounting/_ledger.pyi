from typing import TypedDict

UNAVAILABLE: str

class Released(TypedDict):
    count: int
    ticks: int
    timed_ticks: int
    short_ticks: int
    cpu_ns: int
    longest: int

class Account(TypedDict):
    number: int
    native_id: int
    dead: int
    state: int
    born: int
    held: int
    waited: int
    longest_hold: int
    longest_wait: int
    takes: int
    drops: int
    waits: int
    forced: int
    asked: int
    answered_at_once: int
    longest_answer: int
    cpu_ns: int
    run_delay_ns: int
    cpu_earlier_ns: int
    run_delay_earlier_ns: int
    n_forks: int
    released: Released
    sites: list[tuple[int, Released, int]]

class Snapshot(TypedDict):
    ticks: int
    accounts: list[Account]
    threads: dict[int, tuple[int, int]]
    n_events: int
    n_unseen: int
    n_siteless: int
    n_stolen: int

class Found(TypedDict):
    cond: int
    switch_cond: int
    record: int
    record_cond: int

class Books:
    def _start(self, n_events: int, cpu_clock: bool, /) -> None: ...
    def _stop(self) -> None: ...
    def __exit__(self, *error: object) -> None: ...
    def _left(self, is_wanted: int, /) -> None: ...
    def _before(self) -> Snapshot | None: ...
    def _after(self) -> tuple[Snapshot, int, bytes]: ...
    def _harvests(self) -> list[Snapshot]: ...

def opened() -> list[Books]: ...
def my_number() -> int: ...
def sees_places() -> bool: ...
def start(n_events: int, /) -> None: ...
def stop() -> None: ...
def refresh() -> None: ...
def time_cpu(on: int, /) -> None: ...
def snapshot() -> Snapshot: ...
def events(since: int, /) -> tuple[int, bytes]: ...
def slots() -> list[tuple[int, int, int]]: ...
def where(address: int, /) -> tuple[str, int, str] | None: ...
def tick_ns() -> float: ...
def now() -> tuple[int, int]: ...
def find() -> Found: ...
def pattern(count: float, hold_ns: float, release_ns: float, /) -> tuple[float, float]: ...
