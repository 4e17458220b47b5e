"""gilscope with runs and self-tests as short as they can be, for tests of what surrounds a measurement.

Samples last 0.3 ms instead of 5, rounds need not be spread over seconds, and a self-test looks at each pair of arms for
a moment. Their figures are worth nothing. All else, each process and each file, is as it is for a user.
"""

import sys

_PROGRAM = """
import sys
if {"run", "selftest"} & set(sys.argv[1:2]):
    from gilscope.running import calibration, plan, selftest
    calibration.MIN_SAMPLE_NS, plan.MIN_SPAN_S, selftest.MAX_CONTROL_S = 300_000, 0.0, 0.1
from gilscope.cli import main
main()
"""
#: What starts it, before the words of the command line.
BRIEFLY = [sys.executable, "-W", "error", "-c", _PROGRAM]
#: The words of a run of one arm and its ceiling, over few items, in two launches.
SHORT_RUN = [
    "run",
    "quad",
    "--implementations",
    "c",
    "--strategies",
    "serial",
    "--items",
    "4096",
    "--fast",
    "--ci-width",
    "50%",
    "--max-time",
    "2s",
]
