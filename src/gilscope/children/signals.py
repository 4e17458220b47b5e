"""Signals: those that end a process from outside, and what they are called."""

import signal

#: From whoever supervises a process, and from a terminal that goes away.
ENDING = (signal.SIGTERM, signal.SIGHUP) if hasattr(signal, "SIGHUP") else (signal.SIGTERM,)


def signal_name(number: int) -> str:
    """Return the name of a signal; real-time signals have none but their number."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
