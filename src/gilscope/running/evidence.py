"""From raw rounds to the rows of the table: pairs, intervals, partners, verdicts."""

import math
from collections.abc import Mapping
from statistics import median
from typing import TYPE_CHECKING

from gilscope.pairing.control import HEAVIER, passed
from gilscope.pairing.intervals import Interval, cross_width_interval, ratio_interval
from gilscope.running import verdicts
from gilscope.running.names import SERIAL
from gilscope.running.plan import group_of
from gilscope.running.result import Arm, Control, Group, Interference, Plan, Round, Row, Sample, WorkSize
from gilscope.running.strategies import find
from gilscope.system.counters import ticks_per_second
from gilscope.system.cpus import logical_cpus

if TYPE_CHECKING:
    from gilscope.errors import Unavailable


class Evidence:
    """The rounds so far, arranged for pairing.

    Parameters
    ----------
    plan : Plan
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.rounds: list[Round] = []
        self.absent: dict[str, Unavailable] = {}
        self.gil_enabled = True
        self.n_timed = 0
        self._timed: dict[str, list[list[dict[str, Sample]]]] = {}

    @property
    def n_ratios(self) -> int:
        """How many verdicts of one table must hold together: those of the arms that can run, and the control's two."""
        return 2 + sum(
            1
            for group in self.plan.groups
            for arm in self.present(group)
            if arm.strategy != SERIAL and arm != _ceiling(group)
        )

    def add(self, round_: Round) -> None:
        """Take in one more round; warm-ups are kept, but paired with nothing."""
        self.rounds.append(round_)
        if not round_.warm_up:
            self.n_timed += 1
            launches = self._timed.setdefault(round_.group, [])
            while len(launches) <= round_.launch:
                launches.append([])
            launches[round_.launch].append({sample.arm: sample for sample in round_.samples})

    def n_rounds(self, group: Group, launch: int) -> int:
        """Return how many timed rounds a group has in one launch."""
        launches = self._timed.get(group.id, [])
        return len(launches[launch]) if launch < len(launches) else 0

    def n_group_rounds(self, group: Group) -> int:
        """Return how many timed rounds a group has in all launches."""
        return sum(map(len, self._timed.get(group.id, [])))

    def present(self, group: Group) -> tuple[Arm, ...]:
        """Return the arms of a group that can run here."""
        return tuple(arm for arm in group.arms if arm.id not in self.absent)

    def log_ratios(self, group: Group, reference: Arm, arm: Arm) -> list[list[float]]:
        """Return ln(reference time) - ln(arm time) of every timed round, by launch."""
        return [
            [math.log(round_[reference.id].wall_ns / round_[arm.id].wall_ns) for round_ in launch]
            for launch in self._timed.get(group.id, [])
        ]

    def samples(self, group: Group, arm: Arm) -> list[Sample]:
        """Return every timed sample of an arm."""
        return [round_[arm.id] for launch in self._timed.get(group.id, []) for round_ in launch]

    def launches(self, group: Group, arm: Arm) -> list[list[Sample]]:
        """Return every timed sample of an arm, by launch."""
        return [[round_[arm.id] for round_ in launch] for launch in self._timed.get(group.id, [])]

    def equal_width(self, group: Group) -> dict[str, tuple[Arm, Interval]]:
        """Return, by arm, the partner of equal width and the ratio to it.

        A parallel arm's partner is the ceiling, the same kernel on processes; one that kept a single CPU busy while
        the ceiling kept more is compared with serial.
        """
        n_ratios = self.n_ratios
        if group == self.plan.control:
            one, same, heavier, _ = group.arms
            return {
                same.id: (one, ratio_interval(self.log_ratios(group, one, same), n_ratios)),
                heavier.id: (one, ratio_interval(self.log_ratios(group, heavier, one), n_ratios)),
            }
        partners: dict[str, tuple[Arm, Interval]] = {}
        for arm in self.present(group):
            partner = self._partner(group, arm)
            if partner is not None and self.samples(group, arm):
                partners[arm.id] = (partner, ratio_interval(self.log_ratios(group, partner, arm), n_ratios))
        return partners

    def cpu_width(self, group: Group, arm: Arm) -> float:
        """Return how many CPUs an arm kept busy: the median of CPU time over wall time."""
        return median(sample.cpu_ns / sample.wall_ns for sample in self.samples(group, arm))

    def _partner(self, group: Group, arm: Arm) -> Arm | None:
        serial, ceiling = _serial(group), _ceiling(group)
        if arm in (serial, ceiling) or ceiling.id in self.absent:
            return None
        narrow = self.samples(group, arm) and verdicts.is_one_cpu_wide(
            self.cpu_width(group, arm), self.cpu_width(group, ceiling), arm.n_workers
        )
        return serial if narrow else ceiling

    def rows(self, work: Mapping[str, WorkSize]) -> tuple[Row, ...]:
        """Return the table: a row for every arm of the plan, in its order."""
        control, gave_cpu = self.control(), self.gave_cpu()
        return tuple(
            self._row(group, arm, control, work, gave_cpu=gave_cpu) for group in self.plan.groups for arm in group.arms
        )

    def gave_cpu(self) -> bool:
        """Tell whether any arm of the table was faster than one CPU can be."""
        return any(
            verdicts.shows_second_cpu(cross_width_interval(self.log_ratios(group, _serial(group), arm)))
            for group in self.plan.groups
            for arm in self.present(group)
            if arm.n_workers > 1 and arm.strategy != SERIAL and self.samples(group, arm)
        )

    def control(self) -> Control:
        """Return what the control read."""
        group = self.plan.control
        one, same, heavier, wide = group.arms
        if not self.samples(group, one):
            return Control(same=None, heavier=None, heavier_truth=HEAVIER, second_cpu=None, passed=False)
        ratios = self.equal_width(group)
        read_same, read_heavier = ratios[same.id][1], ratios[heavier.id][1]
        return Control(
            same=read_same,
            heavier=read_heavier,
            heavier_truth=HEAVIER,
            second_cpu=None if wide.id in self.absent else cross_width_interval(self.log_ratios(group, one, wide)),
            passed=passed(read_same, read_heavier),
        )

    def interference(self, duration_s: float) -> Interference:
        """Return what disturbed the rounds of a run that took so long."""
        cpu = sum(sample.cpu_ns for round_ in self.rounds for sample in round_.samples)
        delay = sum(max(0, sample.run_delay_ns) for round_ in self.rounds for sample in round_.samples)
        ticks, available = ticks_per_second(), duration_s * logical_cpus()
        return Interference(
            steal=sum(r.steal_ticks for r in self.rounds) / ticks / available if ticks and available > 0 else None,
            run_delay=delay / cpu if cpu else 0.0,
            throttled=sum(r.throttled for r in self.rounds),
        )

    def _row(self, group: Group, arm: Arm, control: Control, work: Mapping[str, WorkSize], *, gave_cpu: bool) -> Row:
        if arm.id in self.absent:
            return Row(arm=arm, unavailable=self.absent[arm.id], verdict=str(self.absent[arm.id]))
        samples = self.samples(group, arm)
        if not samples:
            return Row(arm=arm, verdict=f"{verdicts.UNRESOLVED} (not measured)")
        serial = _serial(group)
        partner, ratio = self.equal_width(group).get(arm.id, (None, None))
        return Row(
            arm=arm,
            wall_ns=float(median(sample.wall_ns for sample in samples)),
            cpu_ns=float(median(sample.cpu_ns for sample in samples)),
            cpu_width=self.cpu_width(group, arm),
            equal_width=ratio,
            partner="" if partner is None else partner.id,
            here_and_now=None if arm == serial else cross_width_interval(self.log_ratios(group, serial, arm)),
            versus_python=self._versus_python(group, arm, work),
            verdict=self._verdict(group, arm, partner, ratio, control, gave_cpu=gave_cpu),
        )

    def _verdict(
        self,
        group: Group,
        arm: Arm,
        partner: Arm | None,
        ratio: Interval | None,
        control: Control,
        *,
        gave_cpu: bool,
    ) -> str:
        serial, ceiling = _serial(group), _ceiling(group)
        if not control.passed:
            return verdicts.CONTROL_UNREAD if control.same is None else verdicts.CONTROL_FAILED
        if arm == serial:
            return verdicts.REFERENCE
        if ceiling.id in self.absent:
            return verdicts.NO_PROCESSES
        speed_up = cross_width_interval(self.log_ratios(group, serial, ceiling))
        width = self.cpu_width(group, ceiling)
        gate = verdicts.of_ceiling(speed_up, width, arm.n_workers, arm.form, control, gave_cpu=gave_cpu)
        if arm == ceiling or gate != verdicts.CEILING:
            return gate
        assert partner is not None and ratio is not None  # every other present arm has one
        if arm.n_workers == 1:
            return verdicts.of_twins(ratio, self.plan.target)
        if partner == serial:
            to_ceiling = cross_width_interval(self.log_ratios(group, ceiling, arm))
            # Whatever keeps an OpenMP team, interpreters or processes on one CPU, it is not a GIL that they share.
            blamable = self.gil_enabled and find(arm.strategy).shares_gil
            return verdicts.of_narrow_arm(ratio, to_ceiling, self.plan.target, gil_enabled=blamable)
        return verdicts.of_wide_arm(ratio, self.plan.target)

    def _versus_python(self, group: Group, arm: Arm, work: Mapping[str, WorkSize]) -> Interval | None:
        """Compare with plain Python's serial arm, item for item.

        The two stand in different groups and so in different rounds; the nth round of each launch is paired with the
        nth, for the runner takes the groups in turns.
        """
        python_id = group_of(arm.kernel, "python", "held", arm.n_workers)
        python = next((g for g in self.plan.groups if g.id == python_id), None)
        if python is None or group.id not in work or python_id not in work:
            return None
        reference = _serial(python)
        if arm == reference or arm.form != reference.form:
            return None
        items = math.log(_items(work[group.id])) - math.log(_items(work[python_id]))
        pairs = [
            [math.log(slow.wall_ns / fast.wall_ns) + items for slow, fast in zip(theirs, ours, strict=False)]
            for theirs, ours in zip(self.launches(python, reference), self.launches(group, arm), strict=False)
        ]
        return cross_width_interval(pairs)


def _items(size: WorkSize) -> int:
    return size.n_items * size.repeats


def _serial(group: Group) -> Arm:
    """Return the arm that uses neither threads nor processes; every group of a plan has one."""
    return next(arm for arm in group.arms if arm.strategy == SERIAL)


def _ceiling(group: Group) -> Arm:
    """Return the arm that stands for what the machine can do: the same kernel on processes; every group has one."""
    return next(arm for arm in group.arms if find(arm.strategy).is_ceiling)
