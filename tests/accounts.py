"""Accounts by samples and by a witness, made by hand."""

from typing import Any

from gilscope.accounting.samples import SampledLog, SampledThread
from gilscope.accounting.witness import WitnessLog

ABOUT: dict[str, Any] = {"cost": "little", "blind_to": ("who",), "wall_ns": 1_000_000_000}
SAMPLED = SampledLog(
    **ABOUT,
    mechanism="sampler (no ledger)",
    n_looks=9000,
    n_slots=10_000,
    longest_gap_ns=1_000_000,
    threads=(
        SampledThread(
            native_id=7,
            name="MainThread",
            held=0.5,
            attached=None,
            held_ns=500_000_000,
            attached_ns=None,
            lock_waits=3,
            lock_waited_ns=5000,
            cpu_ns=None,
            run_delay_ns=None,
        ),
    ),
    free=0.5,
)
WITNESSED = WitnessLog(
    **ABOUT,
    mechanism="witness (no sampler)",
    n_looks=812.5,
    free=0.25,
    free_low=0.2,
    free_high=0.3,
    waking_ns=-12.5,
    waits_ns=(100, 7_000_000),
)
