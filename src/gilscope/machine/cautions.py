"""What will disturb a measurement on this machine: what is so, what it does, what to do."""

from gilscope.machine.description import Machine
from gilscope.report.blocks import Caution
from gilscope.words import beside

#: From this load average on, something else had a CPU for half of the last minute. A judgement.
BUSY = 0.5


def of_machine(machine: Machine) -> tuple[Caution, ...]:
    """Return what stands in the way of a measurement here."""
    found = []
    if machine.cpu.usable.count < 2:
        found.append(
            Caution(
                f"one usable CPU ({machine.cpu.usable.source})",
                "nothing can scale here; raise the limit, or use another machine",
            )
        )
    if machine.cpu.virtual:
        found.append(
            Caution("a virtual machine", "the host decides how many CPUs there are; trust shares of the ceiling only")
        )
    if machine.cpu.governor not in (None, "performance"):
        found.append(
            Caution(
                f"CPU governor {machine.cpu.governor!r}",
                "speeds change as you measure; ratios of one round do not",
            )
        )
    load = machine.system.load_average
    if load is not None and load[0] > BUSY:
        found.append(
            Caution(
                f"load average {beside(load[0], [BUSY])} over the last minute",
                "something else runs, or did; stop it, or expect wider intervals",
            )
        )
    if machine.openmp is not None and machine.openmp.reason:
        found.append(Caution("OpenMP is unavailable", machine.openmp.reason))
    return tuple(found)
