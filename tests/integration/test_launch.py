"""A launch: which crews it starts in which order, what it verifies, and what is left of it, however it ends."""

import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from leftovers import nothing_left, processes_of, wait_for, wait_until_gone

from gilscope.children import conversation as module
from gilscope.errors import KernelError, Unavailable, UsageError
from gilscope.running.launch import Launch
from gilscope.running.launch_process import LaunchProcess
from gilscope.running.result import Arm
from gilscope.running.strategies import STRATEGIES, Work
from gilscope.running.strategies.threads import Serial
from gilscope.running.worker import TaskSpec


def arm(strategy: str = "threads", **changes: Any) -> Arm:
    """Return an arm of quad in C on two workers."""
    rest = {"kernel": "quad", "implementation": "c", "gil": "released", "n_workers": 2} | changes
    return Arm(id=f"{strategy}/{'/'.join(map(str, rest.values()))}", strategy=strategy, **rest)


def launch_process(*arms: Arm, seed: int = 1) -> LaunchProcess:
    """Return a launch process of some arms, over few items."""
    return LaunchProcess(arms, "float64", 2048, random.Random(seed))


def test_every_start_method_works_beside_every_other_crew() -> None:
    """A launch has no thread but its own, so that a fork is as possible as any other start, whatever started before."""
    arms = [arm(strategy.name) for strategy in STRATEGIES] + [arm("processes:fork", n_workers=1), arm(n_workers=1)]
    with launch_process(*arms) as launch:
        workers = launch.start()
        assert len(os.listdir(f"/proc/{launch._child.pid}/task")) == 1
        absent = launch.prepare([a.id for a in arms], 64)
    started = {(worker["strategy"], worker["n_workers"]) for worker in workers}
    assert started >= {("processes:fork", 1), ("processes:fork", 2), ("processes", 2), ("processes:forkserver", 2)}
    assert started >= {("serial", 2), ("threads", 1), ("threads", 2)}
    assert not [name for name in absent if name.startswith("processes")]


def test_every_arm_is_measured_in_the_order_asked_for() -> None:
    """A round's samples come back in its order, each for its arm and with a time; counters are whole numbers."""
    arms = [
        arm("serial"),
        arm("threads"),
        arm("processes"),
        arm("threads", form="compute", implementation="python", gil="held"),
    ]
    with launch_process(*arms) as launch:
        launch.start()
        assert launch.prepare([a.id for a in arms], 64) == {}
        order = [(a.id, 20, 2) for a in reversed(arms)]
        samples, steal_ticks, throttled = launch.measure(order)
    assert [sample.arm for sample in samples] == [arm_id for arm_id, _, _ in order]
    assert all(sample.wall_ns > 0 for sample in samples)
    assert (type(steal_ticks), type(throttled)) == (int, int)


def test_only_what_is_compared_with_wider_arms_goes_from_cpu_to_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """One caller takes the chunks of a kernel to the CPUs of the others, and those of the control nowhere."""
    allowed = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    if len(allowed) < 2:
        pytest.skip("this system cannot keep a thread to a CPU, or has one only")
    wide = len(allowed)
    of_kernel, of_control = (
        arm("serial", n_workers=wide),
        Arm(id="control/one", kernel="quad", implementation="c", gil="released", strategy="serial", n_workers=wide),
    )
    given: dict[bool, tuple[int, ...]] = {}
    deal = Serial.deal

    def note(self: Serial, work: Work) -> list[TaskSpec]:
        specs = deal(self, work)
        given[work.stays] = specs[0].cpus
        return specs

    monkeypatch.setattr(Serial, "deal", note)
    with nothing_left(), Launch([of_control, of_kernel], "float64", 64) as launch:
        (worker,) = launch.start()
        launch.prepare([of_control.id, of_kernel.id], 64)  # checks, and so runs, them in this order
        assert os.sched_getaffinity(int(str(worker["thread"]))) == {allowed[-1]}
    assert given == {True: (), False: tuple(allowed)}


def test_an_arm_that_cannot_run_is_absent_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    """A strategy this process cannot have is not started; its arms are absent and the others prepared."""
    reason = Unavailable("not on this machine")
    monkeypatch.setattr("gilscope.running.strategies.openmp.OpenMP.unavailable", classmethod(lambda cls: reason))
    arms = [arm("openmp", implementation="cython"), arm("threads")]
    with nothing_left(), Launch(arms, "float64", 64) as launch:
        assert {regime["strategy"] for regime in launch.start()} == {"threads"}
        assert launch.prepare([a.id for a in arms], 64) == {arms[0].id: reason}


def test_a_narrow_openmp_team_is_absent_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    """A team smaller than asked for is not measured as if it were whole: the arm is absent, with both numbers."""
    monkeypatch.setenv("OMP_THREAD_LIMIT", "1")
    wanted = arm("openmp", implementation="cython")
    with nothing_left(), launch_process(wanted) as launch:
        launch.start()
        absent = launch.prepare([wanted.id], 64)
    reason = absent[wanted.id].reason
    assert "team of 1 where 2 threads were asked for" in reason or "no OpenMP" in reason


@pytest.mark.parametrize(
    ("form", "patch", "message"),
    [
        ("array", "quad_released = lambda x, out: None", "item 0 of 128 differs from the plain-Python reference"),
        ("array", "quad_released = lambda x, out: c.quad_held(x[:-1], out[:-1])", "item 63 of 128 differs"),
        ("compute", "quad_compute_released = lambda x, rounds: 17", "checksum 34 differs from plain Python's"),
    ],
)
def test_a_wrong_result_is_a_kernel_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, form: str, patch: str, message: str
) -> None:
    """A kernel that writes nothing, forgets an item, or returns another checksum is never timed."""
    (tmp_path / "sitecustomize.py").write_text(f"import gilscope.kernels._capi as c\nc.{patch}\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    wanted = arm("threads", form=form)
    with nothing_left(), launch_process(wanted) as launch:
        launch.start()
        with pytest.raises(KernelError) as caught:
            launch.prepare([wanted.id], 64)
    assert wanted.id in str(caught.value)
    assert message in str(caught.value)


def test_a_launch_that_fails_to_start_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """When one crew cannot start, those already started are ended."""
    arms = [arm("serial"), arm("threads")]

    def fail(*_: object) -> None:
        raise OSError(11, "Resource temporarily unavailable")

    with nothing_left(), pytest.raises(OSError, match="temporarily unavailable"), Launch(arms, "float64", 64) as launch:
        monkeypatch.setattr("gilscope.running.strategies.threads.Threads.start", fail)
        launch.start()


def test_too_large_arrays_are_refused_through_the_pipe() -> None:
    """An error of gilscope's own crosses the pipe as what it is."""
    wanted = arm()
    with LaunchProcess([wanted], "float64", 10**12, random.Random(1)) as launch, pytest.raises(UsageError, match="TiB"):
        launch.start()


def test_nothing_is_left_of_a_launch_process() -> None:
    """After the block, no process of the launch's session runs, and this process holds no more than before."""
    arms = [arm("processes"), arm("processes:forkserver"), arm("threads")]
    with nothing_left():
        with launch_process(*arms) as launch:
            session = launch._child.pid
            launch.start()
            assert len(processes_of(session)) > 4
        wait_until_gone(session)


def test_a_launch_that_dies_is_a_kernel_error_with_its_last_words() -> None:
    """When the launch ends with a traceback, its last lines are in the error."""
    with nothing_left(), launch_process(arm()) as launch:
        launch.start()
        with pytest.raises(
            KernelError, match="the measuring process stopped; its last words: .*KeyError: 'no such arm'"
        ):
            launch.prepare(["no such arm"], 64)


def test_a_killed_launch_is_a_kernel_error_and_its_workers_end() -> None:
    """A launch that was killed is noticed at the next question, and the next, and its session is emptied."""
    with nothing_left():
        with launch_process(arm("processes")) as launch:
            launch.start()
            session = launch._child.pid
            os.kill(session, signal.SIGKILL)
            for _ in range(2):
                with pytest.raises(KernelError, match="the measuring process stopped"):
                    launch.prepare(["x"], 64)
        wait_until_gone(session)


def test_a_stuck_launch_is_a_kernel_error_and_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """A launch that says nothing for too long is given up, and ended with all its workers."""
    with nothing_left():
        with launch_process(arm("processes")) as launch:
            launch.start()
            session = launch._child.pid
            monkeypatch.setattr(module, "ANSWER_SECONDS", 0.2)
            monkeypatch.setattr(module, "STOP_SECONDS", 0.2)
            os.kill(session, signal.SIGSTOP)
            # A signal takes its time, and a launch answers fast.
            wait_for(lambda: ") T " in Path(f"/proc/{session}/stat").read_text())
            with pytest.raises(KernelError, match="gave no answer for 200 ms"):
                launch.prepare(["x"], 64)
        wait_until_gone(session)


def answering(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    """Have an interpreter run code in place of a launch; it finds `requests`, `answers` and `token`."""
    head = "import os, sys\nrequests, answers, token = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3].encode()\n"
    monkeypatch.setattr(module, "interpreter", lambda *words, **_: [sys.executable, "-c", head + code, *words[2:]])


def test_half_an_answer_is_a_kernel_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """A launch that is killed in the middle of an answer has stopped; the half line is not taken for JSON."""
    answering(monkeypatch, "os.read(requests, 1)\nos.write(answers, token + b' {\"samples\": [1,')")
    with nothing_left(), launch_process(arm()) as launch, pytest.raises(KernelError, match="process stopped"):
        launch.measure([])


@pytest.mark.parametrize("said", ["b'3\\n'", "b'{\"samples\": []}\\n'", "token + b' 3\\n'", "token + b' {\\n'"])
def test_an_answer_that_is_none_is_a_kernel_error(monkeypatch: pytest.MonkeyPatch, said: str) -> None:
    """Whatever else writes to the answers is told so, and nothing of it is taken for true."""
    answering(monkeypatch, f"os.read(requests, 1)\nos.write(answers, {said})\nos.read(requests, 1 << 16)")
    with nothing_left(), launch_process(arm()) as launch, pytest.raises(KernelError, match="writes to gilscope's own"):
        launch.measure([])


def test_a_start_that_prints_does_not_disturb_the_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sitecustomize may print in every interpreter, on both streams, at its start and at its end, and much."""
    lines = ["import atexit, sys", "print('hello ' * 50_000)", "print('hello ' * 50_000, file=sys.stderr)"]
    (tmp_path / "sitecustomize.py").write_text("\n".join([*lines, "atexit.register(print, 'bye ' * 50_000)"]))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with nothing_left(), launch_process(arm(), arm("processes")) as launch:
        assert len(launch.start()) == 4
        assert launch.prepare([arm().id], 64) == {}


def test_what_a_kernel_prints_does_not_disturb_the_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever lands on a launch's standard output, from Python or below it, is kept away from its answers."""
    (tmp_path / "sitecustomize.py").write_text(
        "import os, sys\nif any('spawn_main' in word for word in sys.orig_argv):\n"
        "    import threading\n"
        "    start = threading.Thread.start\n"
        "    def loud(self):\n"
        "        print('loud', flush=True)\n"
        "        os.write(1, b'louder\\n')\n"
        "        start(self)\n"
        "    threading.Thread.start = loud\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with launch_process(arm()) as launch:
        assert len(launch.start()) == 2
        assert launch.prepare([arm().id], 64) == {}


def environment(launch: LaunchProcess) -> dict[str, str]:
    """Return the environment that a launch was started with."""
    entries = Path(f"/proc/{launch._child.pid}/environ").read_text().split("\0")
    return dict(entry.split("=", 1) for entry in entries if entry)


def test_hash_seeds_differ_by_launch_and_repeat_by_seed() -> None:
    """Each launch gets a hash seed of its own from the run's generator, and the same one for the same seed."""
    rng, again = random.Random(3), random.Random(3)
    seeds = []
    for source in (rng, rng, again, again):
        with LaunchProcess([arm()], "float64", 64, source) as launch:
            launch.start()
            seeds.append(environment(launch)["PYTHONHASHSEED"])
    assert seeds[0] != seeds[1]
    assert seeds[:2] == seeds[2:]


def test_native_pools_are_limited_and_openmp_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """NumPy's own pools get one thread; OpenMP's wait policy and team are the arm's to say."""
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setenv("PYTHON_GIL", "1")
    with launch_process(arm()) as launch:
        launch.start()
        given = environment(launch)
    assert given["OPENBLAS_NUM_THREADS"] == "1"
    assert not [name for name in given if name.startswith(("OMP_", "GOMP_"))]
    assert given["PYTHON_GIL"] == "1"


def test_interpreter_flags_reach_the_launch() -> None:
    """Launches run under the -W and -X of the interpreter that starts them, and import nothing from their folder."""
    program = (
        "import json, random\n"
        "from pathlib import Path\n"
        "from gilscope.running.launch_process import LaunchProcess\n"
        "from gilscope.running.result import Arm\n"
        "arm = Arm(id='a', kernel='quad', implementation='c', gil='held', strategy='serial', n_workers=1)\n"
        "with LaunchProcess([arm], 'float64', 64, random.Random(1)) as launch:\n"
        "    launch.start()\n"
        "    print(json.dumps(Path(f'/proc/{launch._child.pid}/cmdline').read_text().split('\\0')))\n"
    )
    flags = ["-W", "error", "-X", "utf8", "-O"]
    if sys.version_info >= (3, 13):
        flags += ["-X", "gil=1"]
    done = subprocess.run(
        [sys.executable, *flags, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    words = json.loads(done.stdout)
    for flag in ("-Werror", "-O", "-P", "utf8", *(["gil=1"] if "gil=1" in flags else [])):
        assert any(flag in word for word in words), words
