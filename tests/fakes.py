"""A machine without time: a fake clock, and fake launches whose arms have known true times plus seeded noise."""

import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from gilscope.documents.typed import plain
from gilscope.errors import KernelError, Unavailable
from gilscope.machine.description import Clock, Cpu, Machine, Python, System, UsableCpus, Versions
from gilscope.pairing.intervals import Interval
from gilscope.running.plan import Request, make_plan
from gilscope.running.result import Arm, Control, Group, Interference, Plan, Result, Round, Row, Sample, WorkSize
from gilscope.running.runner import Event, Runner

#: What a call on one chunk takes, or a round of the compute form, in ns.
CHUNK_NS = {"python": 8_000_000, "numpy": 60_000, "cython": 50_000, "c": 50_000}
ROUND_NS = {"python": 2_000_000, "numpy": 25_000, "cython": 20_000, "c": 20_000}


class FakeClock:
    """A clock that goes only when something is measured."""

    def __init__(self) -> None:
        self.now_ns = 1_000_000_000

    def __call__(self) -> int:
        return self.now_ns


@dataclass
class FakeMachine:
    """Stands for the computer: how long each arm truly takes, and what disturbs it.

    `cost` multiplies an arm's true time and `second_cpu` says, from the seconds since the start, how much of every
    further CPU there is (0 to 1). `noise` is the standard deviation of the log of a sample's time; a share `spikes` of
    the samples takes several times as long. `load` slows whole rounds alike. The strategies of `alone` get one CPU.
    """

    seed: int = 0
    cost: Callable[[Arm], float] = lambda arm: 1.0
    noise: float = 0.01
    spikes: float = 0.0
    load: float = 0.0
    second_cpu: Callable[[float], float] = lambda seconds: 1.0
    absent: Mapping[str, str] = field(default_factory=dict)
    gil_enabled: Callable[[str], bool] = lambda strategy: True
    memory_bound: bool = False
    alone: tuple[str, ...] = ()
    dies_at_round: int | None = None
    clock: FakeClock = field(default_factory=FakeClock)
    launches: list["FakeLaunch"] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.start_ns = self.clock.now_ns

    def open_launch(self, arms: Sequence[Arm], dtype: str, max_items: int, rng: random.Random) -> "FakeLaunch":
        """Open a launch, as the runner is told to."""
        self.launches.append(FakeLaunch(self, arms, rng.randrange(2**32)))
        return self.launches[-1]

    def runner(self, plan: Plan) -> Runner:
        """Return a runner of a plan on this machine."""
        return Runner(plan, self.open_launch, self.clock)

    def wall_ns(self, arm: Arm) -> tuple[float, float]:
        """Return the true wall and CPU time of one repeat of an arm, now."""
        chunk_ns = (ROUND_NS if arm.form == "compute" else CHUNK_NS)[arm.implementation]
        total_ns = chunk_ns * arm.n_workers * self.cost(arm)
        alone = arm.strategy in ("serial", *self.alone) or (arm.strategy == "threads" and arm.gil == "held")
        further = self.second_cpu((self.clock.now_ns - self.start_ns) / 1e9)
        if self.memory_bound and arm.form == "array" and not alone:
            return total_ns, total_ns * arm.n_workers  # both CPUs busy, waiting for the same memory
        return total_ns / (1 if alone else 1 + (arm.n_workers - 1) * further), total_ns


class FakeLaunch:
    """Answers as a launch does, and writes down what it was asked."""

    def __init__(self, machine: FakeMachine, arms: Sequence[Arm], hash_seed: int) -> None:
        self.machine = machine
        self.arms = {arm.id: arm for arm in arms}
        self.hash_seed = hash_seed
        self.prepared: list[tuple[tuple[str, ...], int]] = []
        self.orders: list[list[tuple[str, int, int]]] = []
        self.closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.closed = True

    def start(self) -> list[dict[str, object]]:
        """Say of each worker whether its GIL is on."""
        strategies = dict.fromkeys(arm.strategy for arm in self.arms.values())
        return [
            {
                "strategy": strategy,
                "n_workers": 2,
                "pid": 1,
                "thread": 1 + number,
                "python": "3.13.0",
                "gil_enabled": self.machine.gil_enabled(strategy),
                "switch_interval_s": 0.005,
                "cpu": None,
            }
            for number, strategy in enumerate(strategies)
        ]

    def prepare(self, arm_ids: Sequence[str], n_items: int) -> dict[str, Unavailable]:
        """Refuse the arms whose strategy or implementation this machine does not have."""
        self.prepared.append((tuple(arm_ids), n_items))
        absent = self.machine.absent
        arms = [self.arms[arm_id] for arm_id in arm_ids]
        return {
            arm.id: Unavailable(absent.get(arm.strategy) or absent[arm.implementation])
            for arm in arms
            if arm.strategy in absent or arm.implementation in absent
        }

    def measure(self, order: Sequence[tuple[str, int, int]]) -> tuple[list[Sample], int, int]:
        """Give each arm its true time, its noise, and the load of the moment; let that time pass."""
        self.orders.append(list(order))
        machine = self.machine
        if machine.dies_at_round == sum(len(launch.orders) for launch in machine.launches):
            raise KernelError("worker 1 of strategy 'processes' died: killed by SIGKILL")
        load = math.exp(machine.random.gauss(0, machine.load))
        samples = []
        for arm_id, repeats, lead_in in order:
            true_wall, true_cpu = machine.wall_ns(self.arms[arm_id])
            luck = math.exp(machine.random.gauss(0, machine.noise))
            if machine.random.random() < machine.spikes:
                luck *= 1 + machine.random.paretovariate(1.0)
            wall_ns = round(true_wall * repeats * load * luck)
            machine.clock.now_ns += round(true_wall * lead_in * load) + wall_ns + 20_000
            samples.append(
                Sample(
                    arm=arm_id,
                    wall_ns=wall_ns,
                    cpu_ns=round(true_cpu * repeats * load * luck),
                    run_delay_ns=0,
                    switches=0,
                )
            )
        return samples, 0, 0


def plan(**request: Any) -> Plan:
    """Make a plan on two CPUs, of quad in C unless told otherwise."""
    defaults = {"kernels": ("quad",), "implementations": ("c",), "seed": 17}
    return make_plan(Request(**(defaults | request)), 2, "a test says so")


def finish(runner: Runner) -> tuple[Result, list[Event]]:
    """Run to the end; return the result and all events."""
    events = list(runner.events())
    return result_of(runner), events


def result_of(runner: Runner) -> Result:
    """Return what a runner has so far, with the facts of an imagined machine."""
    return runner.result(tool="gilscope 0.1.0", started="2026-11-22T12:00:00+00:00", argv=("run",), machine=MACHINE)


MACHINE: dict[str, object] = plain(
    Machine(
        cpu=Cpu(
            model="Imagined",
            architecture="x86_64",
            logical=2,
            physical=2,
            performance=None,
            smt=False,
            virtual=True,
            hypervisor=None,
            affinity=(0, 1),
            quota=None,
            quota_source=None,
            process_cpu_count=None,
            usable=UsableCpus(count=2, source="logical CPUs"),
            governor=None,
            boost=None,
        ),
        python=Python(
            version="3.13.0",
            implementation="CPython",
            compiler="GCC",
            debug=False,
            optimized=True,
            gil_built_in=True,
            gil_enabled=True,
            gil_enabled_by=None,
            switch_interval_s=0.005,
            start_method=None,
            jit=None,
            hash_randomized=True,
            environment={"PYTHON_GIL": "1"},
        ),
        versions=Versions(
            gilscope="0.1.0", numpy="2.4.0", cython="3.1.0", compiler="GCC", compiler_flags="-O3", libc="glibc 2.41"
        ),
        clocks=(
            Clock(name="perf_counter", implementation="clock_gettime", resolution_ns=1.0, step_ns=40, read_ns=50.0),
        ),
        system=System(
            name="Linux",
            release="6.1.0",
            clock_source="tsc",
            huge_pages="madvise",
            aslr="full",
            load_average=(0.1, 0.1, 0.1),
            host_name=None,
        ),
        openmp=None,
    )
)


def interval(estimate: float, low: float, high: float, **changes: Any) -> Interval:
    """Return an interval of 60 independent pairs."""
    rest = {"level": 0.95, "n": 60, "n_effective": 60.0, "lag1": 0.0, "n_launches": 3, "widened": ""}
    return Interval(estimate=estimate, low=low, high=high, **(rest | changes))


def hand_made() -> Result:
    """Return a small result with a row of every kind, made by hand."""

    def arm(strategy: str, gil: str = "held", implementation: str = "c") -> Arm:
        return Arm(
            id=f"quad/{implementation}/{gil}/2/{strategy}",
            kernel="quad",
            implementation=implementation,
            gil=gil,
            strategy=strategy,
            n_workers=2,
        )

    serial, threads, processes, openmp = (
        arm("serial"),
        arm("threads"),
        arm("processes"),
        arm("openmp", "released", "cython"),
    )
    control_arm = Arm(
        id="control/one",
        kernel="quad",
        implementation="c",
        gil="released",
        strategy="serial",
        n_workers=2,
        form="compute",
    )
    groups = (
        Group(id="quad/c/held/2", n_items=131_072, arms=(serial, threads, processes)),
        Group(id="quad/cython/released/2", n_items=131_072, arms=(openmp,)),
    )
    samples = tuple(
        Sample(arm=a.id, wall_ns=wall, cpu_ns=wall, run_delay_ns=-1, switches=-1)
        for a, wall in ((threads, 8_300_000), (serial, 8_100_000), (processes, 4_400_000))
    )
    return Result(
        schema_version=1,
        tool="gilscope 0.1.0",
        started="2026-11-22T12:00:00+00:00",
        argv=("run", "quad"),
        state="complete",
        stop_reason="every interval narrow enough",
        duration_s=38.25,
        plan=Plan(
            groups=groups,
            control=Group(id="control", n_items=2048, arms=(control_arm,)),
            dtype="float64",
            task_ns=None,
            target=0.02,
            budget_s=52.0,
            n_launches=3,
            min_rounds=20,
            min_span_s=3.0,
            seed=17,
        ),
        machine=MACHINE,
        workers=(
            {
                "strategy": "threads",
                "n_workers": 2,
                "pid": 7,
                "thread": 8,
                "python": "3.13.0",
                "gil_enabled": True,
                "switch_interval_s": 0.005,
                "cpu": None,
            },
        ),
        work={"quad/c/held/2": WorkSize(n_items=131_072, repeats=80)},
        rounds=(
            Round(group="quad/c/held/2", launch=0, at_ns=5, warm_up=True, samples=samples),
            Round(
                group="quad/c/held/2",
                launch=0,
                at_ns=9,
                warm_up=False,
                samples=samples[::-1],
                steal_ticks=1,
                throttled=2,
            ),
            Round(group="quad/c/held/2", launch=1, at_ns=11, warm_up=False, samples=samples),
        ),
        rows=(
            Row(arm=serial, wall_ns=8.1e6, cpu_ns=8.1e6, cpu_width=1.0, verdict="reference"),
            Row(
                arm=threads,
                wall_ns=8.3e6,
                cpu_ns=8.25e6,
                cpu_width=0.99,
                equal_width=interval(0.974, 0.962, 0.981),
                partner=serial.id,
                here_and_now=interval(0.974, 0.962, 0.981),
                versus_python=interval(162.4, 158.2, 171.9),
                verdict="GIL-bound",
            ),
            Row(
                arm=processes,
                wall_ns=4.4e6,
                cpu_ns=8.6e6,
                cpu_width=1.95,
                here_and_now=interval(1.84, 1.61, 1.9),
                versus_python=interval(math.nan, 0.0, math.inf, n=0, n_effective=0.0, n_launches=0),
                verdict="ceiling",
            ),
            Row(
                arm=openmp,
                unavailable=Unavailable("built with a compiler that has no OpenMP"),
                verdict="unavailable: built with a compiler that has no OpenMP",
            ),
        ),
        control=Control(
            same=interval(1.0, 0.997, 1.003),
            heavier=interval(1.05, 1.046, 1.054, n_effective=31.5, lag1=0.3, widened="autocorrelation"),
            heavier_truth=1.05,
            second_cpu=interval(1.9, 0.0, math.inf, n=3),
            passed=True,
        ),
        interference=Interference(steal=0.004, run_delay=0.001, throttled=2),
        findings=("Holding the GIL, 2 threads are no faster than one, in C: they reach 0.97 of one thread's speed.",),
    )
