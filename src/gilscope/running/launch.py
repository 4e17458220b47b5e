"""One launch: the crews of one fresh interpreter, and the timing of rounds in it.

`python -m gilscope.running.launch` answers requests over pipes (see `gilscope.children.conversation`), so that the
runner, which decides, and the launch, which measures, share plain data and nothing else. `Launch` is the same without
the pipes.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict
from typing import Self

from gilscope.children.conversation import answer_requests
from gilscope.children.messages import Message
from gilscope.errors import KernelError, Unavailable
from gilscope.running import strategies
from gilscope.running.names import CONTROL
from gilscope.running.result import Arm, Sample
from gilscope.system.counters import HostMeter

# Rounds of the compute form whose checksum is held against the plain-Python reference before anything is timed.
CHECK_ROUNDS = 5


class Launch:
    """Crews that are started once and then timed, round after round. Use as a context manager.

    Parameters
    ----------
    arms : sequence of Arm
        All that will be asked for.
    dtype : str
    max_items : int
        The largest chunk that will be asked for.

    Notes
    -----
    This process has no thread but its own, so that a fork is safe and no worker shares its GIL. GIL: given up while
    samples run. Threads: one.
    """

    def __init__(self, arms: Sequence[Arm], dtype: str, max_items: int) -> None:
        self._arms = {arm.id: arm for arm in arms}
        self._dtype = dtype
        self._max_items = max_items
        self._crews: dict[tuple[str, int], strategies.Strategy | Unavailable] = {}
        self._tasks: dict[str, int] = {}
        self._stack = ExitStack()
        self._host = self._stack.enter_context(HostMeter())

    def start(self) -> list[dict[str, object]]:
        """Start every crew that can run here; return what each worker says of its own GIL."""
        self._memory = strategies.SharedMemory(
            self._dtype, max(arm.n_workers for arm in self._arms.values()), self._max_items
        )
        self._stack.callback(self._memory.close)
        for name, n_workers in sorted({(arm.strategy, arm.n_workers) for arm in self._arms.values()}):
            strategy = strategies.find(name)
            absent = strategy.unavailable()
            if absent is not None:
                self._crews[name, n_workers] = absent
                continue
            crew = strategy(self._memory, n_workers)
            self._crews[name, n_workers] = crew
            self._stack.callback(crew.close)
            crew.start()
        # Asked only now, so that all of them start side by side.
        regimes = []
        for (name, n_workers), crew_or_reason in self._crews.items():
            if not isinstance(crew_or_reason, Unavailable):
                crew_or_reason.wait_until_ready()
                regimes += [{"strategy": name, "n_workers": n_workers, **regime} for regime in crew_or_reason.regimes]
        return regimes

    def prepare(self, arm_ids: Sequence[str], n_items: int) -> dict[str, Unavailable]:
        """Tell the crews what these arms compute and check each result; return the arms that cannot run here.

        Raises
        ------
        KernelError
            If a kernel fails or its result differs from the plain-Python reference.
        """
        absent = {}
        for arm_id in arm_ids:
            arm = self._arms[arm_id]
            crew = self._crews[arm.strategy, arm.n_workers]
            reason = crew if isinstance(crew, Unavailable) else self._prepare(arm, crew, n_items)
            if reason is not None:
                absent[arm_id] = reason
        return absent

    def measure(self, order: Sequence[tuple[str, int, int]]) -> tuple[list[Sample], int, int]:
        """Time one round.

        Parameters
        ----------
        order : sequence of (arm id, repeats, lead-in repeats)
            Each sample follows an untimed lead-in call of the same arm, which takes the after-effects of the arm
            before.

        Returns
        -------
        samples : list of Sample
        steal_ticks, throttled : int
            What happened meanwhile; 0 where the system does not say.
        """
        steal, throttled = self._host.steal_ticks() or 0, self._host.throttled_periods() or 0
        samples = []
        for arm_id, repeats, lead_in in order:
            arm = self._arms[arm_id]
            crew = self._crews[arm.strategy, arm.n_workers]
            assert not isinstance(crew, Unavailable)  # prepare() said so, and the runner left the arm out
            task = self._tasks[arm_id]
            crew.run(task, lead_in)
            timing = crew.run(task, repeats)
            samples.append(
                Sample(
                    arm=arm_id,
                    wall_ns=timing.wall_ns,
                    cpu_ns=timing.cpu_ns,
                    run_delay_ns=timing.run_delay_ns,
                    switches=timing.switches,
                )
            )
        return (
            samples,
            (self._host.steal_ticks() or 0) - steal,
            (self._host.throttled_periods() or 0) - throttled,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _prepare(self, arm: Arm, crew: strategies.Strategy, n_items: int) -> Unavailable | None:
        task = self._tasks.setdefault(arm.id, len(self._tasks))
        self._memory.fill_input(arm.n_workers * n_items)
        # The control's arms of one caller are held against each other: to move would only cost them, and beside another
        # program keep them on its CPU. Its intervals took 1 s instead of 0.4 to get narrow, and there 2 s.
        work = strategies.Work(
            kernel=arm.kernel,
            implementation=arm.implementation,
            gil=arm.gil,
            form=arm.form,
            n_items=n_items,
            stays=arm.id.startswith(f"{CONTROL}/"),
        )
        reason = crew.prepare(task, work)
        if reason is None:
            self._verify(arm, crew, task, n_items)
        return reason

    def _verify(self, arm: Arm, crew: strategies.Strategy, task: int, n_items: int) -> None:
        total = arm.n_workers * n_items
        if arm.form == "compute":
            expected = self._memory.reference_checksum(arm.kernel, arm.n_workers, n_items, CHECK_ROUNDS)
            actual = crew.run(task, CHECK_ROUNDS).checksum
            if actual != expected:
                raise KernelError(f"{arm.id}: checksum {actual} differs from plain Python's {expected}")
            return
        self._memory.poison_output(total)
        crew.run(task, 1)
        wrong = self._memory.first_wrong_item(arm.kernel, total)
        if wrong is not None:
            raise KernelError(f"{arm.id}: item {wrong} of {total} differs from the plain-Python reference")


def main() -> None:
    """Answer requests until there are no more."""
    launch: Launch | None = None

    def answer(request: Message, stack: ExitStack) -> Message:
        nonlocal launch
        if request["op"] == "start":
            arms = [Arm(**arm) for arm in request["arms"]]
            launch = stack.enter_context(Launch(arms, request["dtype"], request["max_items"]))
            return {"workers": launch.start()}
        assert launch is not None  # the first request is always "start"
        if request["op"] == "prepare":
            absent = launch.prepare(request["arms"], request["n_items"])
            return {"unavailable": {arm: reason.reason for arm, reason in absent.items()}}
        samples, steal_ticks, throttled = launch.measure(request["order"])
        return {"samples": [asdict(s) for s in samples], "steal_ticks": steal_ticks, "throttled": throttled}

    answer_requests(answer)


if __name__ == "__main__":
    main()
