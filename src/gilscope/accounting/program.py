"""Run a whole program as ``__main__`` with an account of the GIL: ``python start_program.py``, in this folder.

Arguments: the descriptor and the token for the result (see `gilscope.children.delivery`), the number of events, and
then what Python itself takes, ``script.py`` or ``-m MODULE``, with the program's own arguments. The process is the
program's: its exit code, streams and signals are what they would be without gilscope. The result is handed over by the
last of all exit handlers, when every thread that Python waits for has ended: after an exception, `sys.exit` and Ctrl-C
too. SIGTERM and SIGHUP, where the program leaves them to the system, end it as they would, after the result is handed
over. `os._exit` and other deadly signals leave none.
"""

import atexit
import io
import os
import pkgutil
import runpy
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from importlib import import_module
from importlib.machinery import SourceFileLoader, SourcelessFileLoader
from json import dumps
from pathlib import Path
from threading import Thread
from types import CodeType, FrameType, ModuleType, TracebackType

from gilscope.accounting import patches
from gilscope.accounting.ledger import Ledger
from gilscope.accounting.mechanisms import ledger
from gilscope.accounting.sampler import Sampler
from gilscope.accounting.witness import Witness
from gilscope.children.delivery import Delivery
from gilscope.children.modules import give_back
from gilscope.children.signals import ENDING
from gilscope.documents.typed import plain
from gilscope.errors import CannotRunError, Unavailable
from gilscope.originals import get_ident, get_native_id
from gilscope.places import portable

#: What `python -m` itself calls: it runs a module in the `__main__` that there is.
_run_module: Callable[..., object] = runpy._run_module_as_main  # type: ignore[attr-defined] # noqa: SLF001
_OWN_FILES = (__file__, str(Path(__file__).with_name("start_program.py")), runpy.__file__, "<frozen runpy>")


def run(result: Delivery, n_events: int, words: Sequence[str], loaded: set[str]) -> None:
    """Run a program to the end of its main thread, and have its log handed over when the process ends.

    Parameters
    ----------
    result : Delivery
    n_events : int
    words : sequence of str
        As for Python.
    loaded : set of str
        The modules that plain Python has loaded when it begins.
    """
    account, process = ledger(n_events), os.getpid()
    unwatch = _watched(account)
    told: list[str] = []

    def finish() -> None:
        if os.getpid() != process or told:  # a child forked without exec is not what was asked about
            return
        told.append("begun")
        try:
            unwatch()
            account.__exit__(None, None, None)
            log = account.log
            if isinstance(log, Unavailable):
                data = {"unavailable": log.reason}
            else:
                data = plain(replace(log, wall_ns=account.wall_ns))
            text = dumps(portable(data))
        except Exception as error:  # noqa: BLE001 - such as no memory: the program's own end is what counts
            text = dumps({"unavailable": f"it could not be made: {type(error).__name__}: {error}"})
        result.send(text)

    _hide_own_frames()
    account.__enter__()
    atexit.register(finish)
    _finish_before_the_end(finish)
    _run_as_main(words, loaded)


def _finish_before_the_end(finish: Callable[[], None]) -> None:
    """Have a signal that ends the process do so after the account; a handler of the program's replaces this one."""

    def end(number: int, _frame: FrameType | None) -> None:
        finish()
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    for number in ENDING:
        if signal.getsignal(number) == signal.SIG_DFL:  # one that is ignored, as under nohup, stays so
            signal.signal(number, end)
    if hasattr(os, "register_at_fork"):
        _leave_to_copies(end)


def _leave_to_copies(end: Callable[[int, FrameType | None], None]) -> None:
    """Have the system's default back in copies of this process, which have nothing to finish.

    The signals are held back while it forks: one that met a copy before its default is back would be lost.
    """
    masks: dict[int, set[int]] = {}  # by thread, for several may fork

    def before() -> None:
        masks[get_ident()] = signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)

    def after_in_child() -> None:
        for number in ENDING:
            if signal.getsignal(number) is end:
                signal.signal(number, signal.SIG_DFL)
        after()

    def after() -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, masks.pop(get_ident()))

    os.register_at_fork(before=before, after_in_parent=after, after_in_child=after_in_child)


def _watched(account: Ledger | Sampler | Witness) -> Callable[[], None]:
    """Have a sampler know the program's threads, which a ledger does by itself; return what undoes it."""
    if not isinstance(account, Sampler):
        return lambda: None

    def begin(thread: Thread) -> None:
        account.name_thread(get_native_id(), thread.name)
        if account.asks_to_watch:
            with suppress(RuntimeError):  # there is room for so many; the log says of the others that nobody did
                account.watch()

    watch = patches.threads(begin)
    watch.put()
    return watch.take_back


def _run_as_main(words: Sequence[str], loaded: set[str]) -> None:
    """Run what Python's own command line would run for these words, in a `__main__` that stays as long as there.

    Threads and exit handlers outlive the main thread's code, and pickle finds functions of `__main__` by that name;
    `runpy.run_path` and `run_module` take the module away and clear it as soon as that code has ended.
    """
    main = sys.modules["__main__"] = ModuleType("__main__")
    main.__dict__["__builtins__"] = import_module("builtins")
    if words[0] == "-m":
        sys.argv = list(words[1:])
        _search_first(_folder(), loaded)
        _run_module(words[1])
        return
    sys.argv = list(words)
    path = os.path.join(_folder(), words[0])  # noqa: PTH118 - as Python does, which keeps what is ./ or ../
    if pkgutil.get_importer(path) is not None:  # a folder or an archive, with a __main__ of its own
        _search_first(path, loaded, even_if_safe=True)
        _run_module("__main__", alter_argv=False)
        return
    _search_first(str(Path(path).resolve().parent), loaded)
    code, loader = _code_of(path)
    main.__dict__.update(__file__=path, __loader__=loader("__main__", path))
    if sys.version_info < (3, 15):
        main.__dict__["__cached__"] = None
    exec(code, main.__dict__)  # noqa: S102 - the program


def _folder() -> str:
    """Return the working folder, or "" if it has been removed."""
    try:
        return os.getcwd()  # noqa: PTH109 - a text
    except OSError:
        return ""


def _search_first(folder: str, loaded: set[str], *, even_if_safe: bool = False) -> None:
    """Have modules looked for in the program's folder first, as Python does but with -P."""
    if folder and (even_if_safe or not sys.flags.safe_path):
        sys.path.insert(0, folder)
    give_back(loaded)


def _code_of(path: str) -> tuple[CodeType, type[SourceFileLoader | SourcelessFileLoader]]:
    """Return the code in a file, compiled or not, and what loads such files."""
    with io.open_code(path) as file:
        compiled: CodeType | None = pkgutil.read_code(file)
        if compiled is not None:
            return compiled, SourcelessFileLoader
    return compile(Path(path).read_bytes(), path, "exec", dont_inherit=True), SourceFileLoader


def _hide_own_frames() -> None:
    """Let tracebacks begin in the program, as they do without gilscope."""
    shown = sys.excepthook

    def show(kind: type[BaseException], error: BaseException, at: TracebackType | None) -> None:
        own = at
        while own is not None and own.tb_frame.f_code.co_filename in _OWN_FILES:
            own = own.tb_next
        shown(kind, error.with_traceback(own), own)

    sys.excepthook = show


def main(loaded: set[str]) -> None:
    """Run what the command line says; end with 5, without running it, where nothing can account for the GIL.

    Parameters
    ----------
    loaded : set of str
        As for `run`.
    """
    result, token, n_events, *words = sys.argv[1:]
    try:
        run(Delivery(int(result), token), int(n_events), words, loaded)
    except CannotRunError as error:
        sys.stderr.write(f"gilscope: {error}\n")
        sys.exit(error.exit_code)
