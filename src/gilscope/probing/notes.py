"""What else was noticed about a call, as sentences beside the figures."""

from gilscope.originals import REPLACED
from gilscope.probing.call_profile import CallProfile
from gilscope.probing.doubts import no_second_cpu
from gilscope.probing.expectation import Seen
from gilscope.probing.prediction import PAYS, Prediction
from gilscope.probing.shares import HELPED, Shares
from gilscope.system.gil import gil_enabled
from gilscope.targets.first_call import Preflight
from gilscope.words import duration, percent


def notes_on(
    preflight: Preflight,
    shares: Shares,
    profile: CallProfile,
    threads: Prediction,
    seen: Seen,
    *,
    obstacle: str,
    gil: bool,
    replaced: bool,
    said: str,
) -> list[str]:
    """Return the notes on a call that was measured.

    Parameters
    ----------
    preflight : Preflight
    shares : Shares
    profile : CallProfile
    threads : Prediction
        Of the most threads.
    seen : Seen
    obstacle : str
        Why another process cannot have it, where the advice does not say so; else "".
    gil : bool
        Whether the GIL was in force.
    replaced : bool
        Whether threads of `threading` are none; see `gilscope.originals.threads_are_replaced`.
    said : str
        The advice, which nothing need repeat.
    """
    notes = []
    if shares.helpers_held >= HELPED:
        notes.append(f"threads of its own hold the GIL for {percent(shares.helpers_held, 0)} of its time")
    if shares.native >= HELPED:
        told = percent(shares.native, 0)
        notes.append(f"native threads or processes of its own compute for it: {told} of its time on a CPU")
    if seen.speed_ups and seen.needs_cpu and seen.second_cpu is not True and (told := no_second_cpu(seen)) not in said:
        notes.append(f"{told}; measured speed-ups {'are' if seen.second_cpu is False else 'may be'} what one CPU gives")
    if gil and not gil_enabled():
        notes.append(
            "what it imports has switched the GIL on, which is off here; `gilscope doctor --imports` says which module"
        )
    if replaced:
        notes.append(REPLACED)
    if preflight.threads_left:
        notes.append(f"it leaves threads running: {', '.join(preflight.threads_left)}")
    if preflight.processes_left:
        notes.append(f"it leaves processes running: {', '.join(preflight.processes_left)}")
    if preflight.top_level_work and not preflight.main_guard:
        work = "; ".join(preflight.top_level_work[:3])
        notes.append(f"importing the script does work, and has no `if __name__ == '__main__'` guard: {work}")
    if obstacle:
        notes.append(f"another process cannot have it: {obstacle}")
    if cut := _cut(profile, threads):
        notes.append(cut)
    return notes


def _cut(profile: CallProfile, threads: Prediction) -> str:
    """Say what the switch interval does to a call, where that makes a difference to its threads; else ""."""
    if not profile.cut or profile.mean_hold_ns is None or threads.low * PAYS > threads.high:
        return ""
    hold, interval = duration(profile.mean_hold_ns), duration(profile.switch_interval_ns)
    return (
        f"it holds the GIL for {hold} at a time, and after {interval} a waiting thread may take it "
        "before the call can release it; then no release overlaps with a hold. A longer sys.setswitchinterval() lets "
        "it release first, and has others wait longer for Python code"
    )
