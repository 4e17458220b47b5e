"""Libraries that are unloaded while the ledger is on, or between two: nothing is written where they were.

Each program runs in a process of its own, for what goes wrong here ends it.
"""

import pytest
from ledgers import nothing_stays, run_fresh

from gilscope.accounting.ledger import availability

_ABSENCE = availability()
pytestmark = pytest.mark.skipif(_ABSENCE is not None, reason=str(_ABSENCE))
pytest.importorskip("gilscope.accounting._ledger")
_nothing_stays = pytest.fixture(autouse=True)(nothing_stays)

#: A copy of the C kernels, as a library that can be unloaded: `load`, `unload`; `span`, where it was, and `occupy`.
LIBRARY = """
import ctypes, os, shutil, sys, tempfile
from pathlib import Path
import gilscope
from gilscope.accounting import _ledger
from gilscope.kernels import _capi

libc = ctypes.CDLL(None, use_errno=True)
libc.dlclose.argtypes = [ctypes.c_void_p]
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
folder = tempfile.TemporaryDirectory()
path = shutil.copy(_capi.__file__, folder.name)

def load():
    return ctypes.PyDLL(path)

def look():
    with gilscope.ledger():  # one that opens looks for slots
        pass

def span():
    lines = [line.split() for line in Path("/proc/self/maps").read_text().splitlines() if path in line]
    ends = [tuple(int(end, 16) for end in words[0].split("-")) for words in lines]
    return min(begin for begin, _ in ends), max(end for _, end in ends)

def unload(library):
    begin, end = span()
    assert libc.dlclose(library._handle) == 0
    assert path not in Path("/proc/self/maps").read_text()
    return begin, end

def occupy(begin, end):
    MAP_FIXED_NOREPLACE, PRIVATE_AND_ANONYMOUS = 0x100000, 0x22
    at = libc.mmap(begin, end - begin, 3, PRIVATE_AND_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0)
    assert at == begin, at

def check_untouched(begin, end):
    assert ctypes.string_at(begin, end - begin) == bytes(end - begin)
    ctypes.memset(begin, 1, end - begin)  # and it may still be written to

def hooked_in(begin, end):
    return sum(is_hooked for address, _, is_hooked in _ledger.slots() if begin <= address < end)
"""


def run_with_library(program: str) -> None:
    run_fresh(f"{LIBRARY}\n{program}")


@pytest.mark.parametrize("looks_again", ["look()", "from gilscope.kernels import _cython", "pass"])
def test_unloaded_while_on(looks_again: str) -> None:
    """Its slots are gone with it: reading the books, looking again and leaving touch nothing there."""
    run_with_library(f"""
with gilscope.ledger() as ledger:
    library = load()
    look()
    assert hooked_in(*span()) > 0
    unload(library)
    {looks_again}
    _ledger.slots()
    ledger.log
assert not any(is_hooked for _, _, is_hooked in _ledger.slots())
assert not _ledger.snapshot()["n_stolen"]
""")


@pytest.mark.parametrize("looks_again", ["look()", "pass"])
def test_memory_of_others_where_it_was(looks_again: str) -> None:
    """Whatever is mapped there next is neither written to nor made read-only, by this ledger or by the next one."""
    run_with_library(f"""
with gilscope.ledger():
    library = load()
    look()
    where = unload(library)
    {looks_again}
    occupy(*where)
    _ledger.slots()
with gilscope.ledger():
    pass
check_untouched(*where)
""")


def test_unloaded_between_two_ledgers() -> None:
    """What one ledger knew of is not there any more when the next one begins."""
    run_with_library("""
library = load()
look()
where = unload(library)
occupy(*where)
look()
check_untouched(*where)
""")


@pytest.mark.parametrize("between", ["", "look()"])
def test_loaded_again_at_the_same_place(between: str) -> None:
    """It is another library for all the ledger knows: its slots are hooked again, and given back."""
    run_with_library(f"""
with gilscope.ledger():
    library = load()
    look()
    where = unload(library)
    {between}
    library = load()
    look()
    assert hooked_in(*span()) > 0
assert hooked_in(*span()) == 0
assert not _ledger.snapshot()["n_stolen"]
unload(library)
library = load()
with gilscope.ledger():
    assert hooked_in(*span()) > 0
assert hooked_in(*span()) == 0
""")


def test_a_child_that_was_forked_while_a_library_was_unloaded() -> None:
    """The loader's lock stays locked in it for ever: its ledger counts on, says that places may be missing, and ends.

    The lock is taken as unloading takes it: by another thread, which is inside of it when the process forks.
    """
    run_with_library("""
import threading
entered, over = threading.Event(), threading.Event()

@ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p)
def visit(info, size, data):
    entered.set()
    over.wait()
    return 1

def check():
    ledger.__exit__(None, None, None)
    me = threading.get_native_id()
    assert ledger.log.thread(me).drops >= 3
    with gilscope.ledger() as inner:
        _capi.release_pairs(5)
    for one in (ledger, inner):
        assert any("process was forked" in text for text in one.log.blind_to), one.log.blind_to
    assert [thread.drops for thread in inner.threads] == [5]

ledger = gilscope.ledger()
with ledger:
    thread = threading.Thread(target=ctypes.CDLL(None).dl_iterate_phdr, args=(visit, None))
    thread.start()
    entered.wait()
    _capi.release_pairs(3)
    pid = os.fork()
    if pid == 0:
        try:
            check()
        except BaseException:
            sys.excepthook(*sys.exc_info())
            os._exit(1)
        os._exit(0)
    status = os.waitpid(pid, 0)[1]
    over.set()
    thread.join()
    assert status == 0
assert not any("was forked" in text for text in ledger.log.blind_to)
""")


def test_loading_and_unloading_beside_ledgers() -> None:
    """Threads that load and unload libraries, that fork, and that open and close ledgers do each other no harm."""
    run_with_library("""
import threading, time, warnings
warnings.simplefilter("ignore", DeprecationWarning)  # of forking beside threads, from Python 3.12 on
failed = []
threading.excepthook = lambda args: failed.append(args.exc_value)
with gilscope.ledger():
    pass  # it tests itself while nobody else is there
copies = [shutil.copy(path, f"{folder.name}/copy{i}.so") for i in range(4)]
deadline = time.monotonic() + 3

def load_and_unload(copy):
    # Without the GIL while it loads, and while it unloads.
    while time.monotonic() < deadline:
        assert libc.dlclose(ctypes.CDLL(copy)._handle) == 0

def open_and_close():
    while time.monotonic() < deadline:
        with gilscope.ledger() as ledger:
            _capi.release_pairs(10)
            _ledger.slots()
            ledger.log

def fork():
    while time.monotonic() < deadline:
        pid = os.fork()
        if pid == 0:
            with gilscope.ledger() as ledger:
                _capi.release_pairs(5)
            os._exit(0 if [thread.drops for thread in ledger.threads] == [5] else 1)
        assert os.waitpid(pid, 0)[1] == 0
        time.sleep(0.02)

threads = [threading.Thread(target=fork)]
threads += [threading.Thread(target=load_and_unload, args=(copy,)) for copy in copies]
threads += [threading.Thread(target=open_and_close) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
assert not failed, failed
assert not any(is_hooked for _, _, is_hooked in _ledger.slots())
""")
