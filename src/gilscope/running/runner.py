"""The measuring itself: launches, rounds, and when to stop.

The runner decides and a launch measures. It yields events and prints nothing; whoever drives it draws them. Its clock
and its launches come from outside, so that tests run it on a fake clock without waiting.
"""

import random
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from math import inf, isfinite, log, sqrt

from gilscope.errors import CannotRunError, GilscopeError, Unavailable
from gilscope.originals import time
from gilscope.pairing.rounds import Order, in_turns, warm_up
from gilscope.pairing.stopping import WARM_UP_ROUNDS, Looks, projected_rounds
from gilscope.running.calibration import LaunchLike, calibrate, call_of, items_for, max_items
from gilscope.running.document import RUN
from gilscope.running.evidence import Evidence
from gilscope.running.findings import Ending, sentences
from gilscope.running.result import Arm, Group, Plan, Result, Round, WorkSize
from gilscope.running.worker import in_words

#: Warm-up takes at most this share of a launch's time: compiled loops are at rest from the first round on.
WARM_UP_SHARE = 0.05
#: A group is looked at after this many rounds more, or this share more of those that it has: a look sorts them all, and
#: after every other round it took a tenth of a run's time.
LOOK_ROUNDS, LOOK_SHARE = 2, 0.1
#: Why a run ended that did what it was to do.
NARROW = "every interval narrow enough"
OpenLaunch = Callable[[Sequence[Arm], str, int, random.Random], AbstractContextManager[LaunchLike]]


@dataclass(frozen=True, slots=True)
class LaunchStarted:
    """A fresh interpreter and its workers are up."""

    launch: int


@dataclass(frozen=True, slots=True)
class ArmAbsent:
    """An arm cannot run here."""

    arm: Arm
    reason: Unavailable


@dataclass(frozen=True, slots=True)
class Progress:
    """A round has ended.

    Parameters
    ----------
    launch : int
    n_rounds : int
        Timed rounds so far, of all groups and launches.
    widest : float
        The widest half-width among the equal-width ratios that are not yet resolved; infinite before the first check.
    n_open : int
        Groups not yet resolved in this launch.
    elapsed_s, remaining_s : float
        `remaining_s` is an estimate, never beyond the budget.
    """

    launch: int
    n_rounds: int
    widest: float
    n_open: int
    elapsed_s: float
    remaining_s: float


@dataclass(frozen=True, slots=True)
class LaunchEnded:
    """A launch has ended; what was measured so far is worth saving."""

    launch: int
    resolved: bool


@dataclass(frozen=True, slots=True)
class GroupResolved:
    """Every ratio of a group is narrow enough, for good."""

    group: Group


Event = LaunchStarted | ArmAbsent | Progress | GroupResolved | LaunchEnded


@dataclass(slots=True)
class _Pace:
    """How one group stands in the current launch."""

    order: Order[Arm]
    looks: Looks
    widest: float = inf
    round_s: float = 0.0
    needed: float = 0.0


class Runner:
    """One run of a plan.

    Parameters
    ----------
    plan : Plan
    open_launch : callable
        Gives a context manager for a launch from (arms, dtype, max_items, rng).
    clock_ns : callable, optional
        A monotonic clock in ns.
    expected : mapping, optional
        The GIL state that every worker must report, as `gilscope.running.worker.gil_state` gives it; where not
        given, that of the first.

    Attributes
    ----------
    evidence : Evidence
    work : dict of str to WorkSize
    workers : list of dict
    stop_reason : str
        Empty until the run has ended by itself.
    failure : str
        What ended it otherwise, if an error did.
    """

    def __init__(
        self,
        plan: Plan,
        open_launch: OpenLaunch,
        clock_ns: Callable[[], int] = time.perf_counter_ns,
        expected: Mapping[str, object] | None = None,
    ) -> None:
        self.plan = plan
        self.evidence = Evidence(plan)
        self.work: dict[str, WorkSize] = {}
        self.workers: list[dict[str, object]] = []
        self.stop_reason = self.failure = ""
        self._open_launch = open_launch
        self._clock_ns = clock_ns
        self._expected = expected
        self._rng = random.Random(plan.seed)
        self._groups = (plan.control, *plan.groups)
        self._begin_ns = clock_ns()
        self._end_ns = 0

    @property
    def elapsed_s(self) -> float:
        """Seconds since the runner was made, until the run ended."""
        return ((self._end_ns or self._clock_ns()) - self._begin_ns) / 1e9

    def result(self, *, tool: str, started: str, argv: Sequence[str], machine: dict[str, object]) -> Result:
        """Return what was measured so far: complete once the run has ended by itself, partial before.

        Parameters
        ----------
        tool, started : str
        argv : sequence of str
        machine : dict
            As `gilscope.machine.describe` gives it, as plain data.
        """
        rows, control = self.evidence.rows(self.work), self.evidence.control()
        interference = self.evidence.interference(self.elapsed_s)
        return Result(
            schema_version=RUN.version,
            tool=tool,
            started=started,
            argv=tuple(argv),
            state="complete" if self.stop_reason else "partial",
            stop_reason=self.stop_reason or self.failure or "interrupted",
            duration_s=self.elapsed_s,
            plan=self.plan,
            machine=machine,
            workers=tuple(self.workers),
            work=dict(self.work),
            rounds=tuple(self.evidence.rounds),
            rows=rows,
            control=control,
            interference=interference,
            findings=sentences(
                rows,
                control,
                Ending(self.elapsed_s, narrow=self.stop_reason == NARROW),
                gil_enabled=self.evidence.gil_enabled,
            ),
        )

    def events(self) -> Iterator[Event]:
        """Run the plan; yield what happens as it happens.

        Raises
        ------
        KernelError
            If a kernel fails, a result differs from the reference, or a worker dies.
        CannotRunError
            If a worker's GIL is not in the state that was expected.
        """
        try:
            yield from self._launches()
        except GilscopeError as error:
            # Without what a process wrote last, which may name folders and people: a result may be published.
            self.failure = f"failed: {str(error).partition(';')[0]}"
            raise

    def _launches(self) -> Iterator[Event]:
        arms = [arm for group in self._groups for arm in group.arms]
        for launch_index in range(self.plan.n_launches):
            with self._open_launch(arms, self.plan.dtype, max_items(self.plan), self._rng) as launch:
                self._greet(launch.start())
                yield LaunchStarted(launch_index)
                for group in self._groups:
                    yield from self._prepare(launch, group)
                resolved = yield from self._launch(launch, launch_index)
            over, last = self.elapsed_s >= self.plan.budget_s, launch_index + 1 == self.plan.n_launches
            if over or last:
                self.stop_reason = NARROW if resolved and last else "time budget spent"
                self._end_ns = self._clock_ns()
            yield LaunchEnded(launch_index, resolved)
            if over:
                return

    def _greet(self, workers: list[dict[str, object]]) -> None:
        self.workers += workers
        expected = self._expected or workers[0]
        for worker in workers:
            if any(worker[name] != expected[name] for name in ("gil_enabled", "switch_interval_s")):
                raise CannotRunError(
                    f"a worker of strategy {worker['strategy']!r} has {in_words(worker)}, where {in_words(expected)} "
                    "was expected; ratios between unlike workers would mean nothing. Start this interpreter as its "
                    "workers are to run (-X gil, PYTHON_GIL, sys.setswitchinterval)"
                )
        self.evidence.gil_enabled = bool(expected["gil_enabled"])

    def _prepare(self, launch: LaunchLike, group: Group) -> Iterator[Event]:
        first_time = group.id not in self.work
        n_items = group.n_items if first_time else self.work[group.id].n_items
        absent = launch.prepare([arm.id for arm in group.arms], n_items)
        for arm in group.arms:
            if arm.id in absent and arm.id not in self.evidence.absent:
                self.evidence.absent[arm.id] = absent[arm.id]
                yield ArmAbsent(arm, absent[arm.id])
        if not self.evidence.present(group) or not first_time:
            return
        if self.plan.task_ns is not None and group != self.plan.control:
            present = self.evidence.present(group)
            n_items = items_for(launch, present, n_items, self.plan)
            launch.prepare([arm.id for arm in present], n_items)
        self.work[group.id] = calibrate(launch, self.evidence.present(group), n_items)

    def _round(self, launch: LaunchLike, launch_index: int, group: Group, pace: _Pace, *, warm_up: bool) -> None:
        begin_ns = self._clock_ns()
        repeats = self.work[group.id].repeats
        samples, steal_ticks, throttled = launch.measure([call_of(arm, repeats) for arm in pace.order.next()])
        now_ns = self._clock_ns()
        pace.round_s = (now_ns - begin_ns) / 1e9
        self.evidence.add(
            Round(
                group=group.id,
                launch=launch_index,
                at_ns=begin_ns - self._begin_ns,
                warm_up=warm_up,
                samples=tuple(samples),
                steal_ticks=steal_ticks,
                throttled=throttled,
            )
        )

    def _launch(self, launch: LaunchLike, index: int) -> Generator[Event, None, bool]:
        """Warm up, then take the groups in turns until each is narrow enough; return whether all were."""
        share_s = self.plan.budget_s * (index + 1) / self.plan.n_launches
        warm_s = self.elapsed_s + WARM_UP_SHARE * self.plan.budget_s / self.plan.n_launches
        pending = {group: self._pace(group) for group in self._groups if self.evidence.present(group)}
        if not any(group != self.plan.control for group in pending):
            raise CannotRunError("none of the arms asked for can run here; `gilscope doctor` says why")

        def take(group: Group, *, counts: bool = True) -> float:
            self._round(launch, index, group, pending[group], warm_up=not counts)
            return self._first_log_ratio(group)

        def is_narrow(group: Group) -> bool:
            return self._is_narrow(index, group, pending[group])

        def is_over() -> bool:
            return self.elapsed_s >= share_s

        settling = warm_up(
            list(pending),
            lambda group: take(group, counts=False),
            self.plan.target / 2,
            lambda: self.elapsed_s >= warm_s,
            is_over,
        )
        for _ in settling:
            yield self._progress(index, pending)
        for group, done in in_turns(list(pending), take, is_narrow, is_over, self._rng):
            if not done:
                yield self._progress(index, pending)
                continue
            del pending[group]
            if index + 1 == self.plan.n_launches:
                yield GroupResolved(group)
        return not pending

    def _pace(self, group: Group) -> _Pace:
        order = Order(self.evidence.present(group), self._rng)
        return _Pace(order, Looks(first=LOOK_ROUNDS, every=LOOK_ROUNDS, share=LOOK_SHARE))

    def _first_log_ratio(self, group: Group) -> float:
        """Return the log ratio of the group's first two arms in the last round: any ratio shows a drift."""
        walls = {sample.arm: sample.wall_ns for sample in self.evidence.rounds[-1].samples}
        first, second = (self.evidence.present(group) * 2)[:2]
        return log(walls[first.id] / walls[second.id])

    def _is_narrow(self, index: int, group: Group, pace: _Pace) -> bool:
        """Look at a group's ratios, if it is time to.

        An early launch may stop at the width from which the later ones reach the target.
        """
        done = self.evidence.n_rounds(group, index)
        if not pace.looks.is_due(done, self.evidence.n_group_rounds(group)):
            return False
        left = sqrt(self.plan.n_launches / (index + 1))
        intervals = [interval for _, interval in self.evidence.equal_width(group).values()]
        pace.widest = max((interval.half_width for interval in intervals), default=0.0)
        projected = max((projected_rounds(i, self.plan.target) for i in intervals), default=0.0)
        pace.needed = max(self.plan.min_rounds, projected / self.plan.n_launches if isfinite(projected) else 2 * done)
        enough = (
            pace.widest <= self.plan.target * left
            and done >= self.plan.min_rounds
            and (index + 1 < self.plan.n_launches or self._span_s(group) >= self.plan.min_span_s)
        )
        return pace.looks.saw(narrow=enough)

    def _span_s(self, group: Group) -> float:
        times = [round_.at_ns for round_ in self.evidence.rounds if round_.group == group.id and not round_.warm_up]
        return (times[-1] - times[0]) / 1e9

    def _progress(self, index: int, pending: dict[Group, _Pace]) -> Progress:
        """Estimate what is left from the rounds that the open groups still need, here and in the launches to come."""
        cycle_s = sum(pace.round_s for pace in pending.values())
        here_s = sum(
            pace.round_s * max(0.0, max(pace.needed, self.plan.min_rounds) - self.evidence.n_rounds(group, index))
            for group, pace in pending.items()
        )
        later_s = (self.plan.n_launches - index - 1) * (self.plan.min_rounds + WARM_UP_ROUNDS) * cycle_s
        widths = [pace.widest for pace in pending.values() if isfinite(pace.widest)]
        return Progress(
            launch=index,
            n_rounds=self.evidence.n_timed,
            widest=max(widths, default=inf),
            n_open=len(pending),
            elapsed_s=self.elapsed_s,
            remaining_s=max(0.0, min(here_s + later_s, self.plan.budget_s - self.elapsed_s)),
        )
