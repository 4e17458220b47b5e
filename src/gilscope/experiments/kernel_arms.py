"""Arms that are kernels under strategies: the same crews, warm-ups and checks as those of every run.

with kernel_arms({"threads": arm("threads", "held"), "processes": arm("processes", "held")}) as scene:
scene.take("threads")
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial

from gilscope.experiments.scene import Scene
from gilscope.running.calibration import calibrate, call_of
from gilscope.running.launch import Launch
from gilscope.running.plan import COMPUTE_ITEMS
from gilscope.running.result import Arm


def arm(
    strategy: str,
    gil: str,
    *,
    n_workers: int = 2,
    implementation: str = "c",
    kernel: str = "quad",
    form: str = "compute",
) -> Arm:
    """Return a kernel under a strategy; see `gilscope.running.result.Arm`."""
    return Arm(
        id=f"{kernel}/{implementation}/{gil}/{n_workers}/{form}/{strategy}",
        kernel=kernel,
        implementation=implementation,
        gil=gil,
        strategy=strategy,
        n_workers=n_workers,
        form=form,
    )


@contextmanager
def kernel_arms(arms: Mapping[str, Arm], n_items: int = COMPUTE_ITEMS) -> Iterator[Scene]:
    """Start crews for some arms, and give a scene of them in which all do the same total work.

    Parameters
    ----------
    arms : mapping of str to Arm
        By their names in the scene; all as wide.
    n_items : int, optional
        Items in a chunk; there are as many chunks as the arms are wide.

    Yields
    ------
    Scene
        Each arm gives wall_ns and cpu_ns of its task.

    Notes
    -----
    GIL: workers live in processes of their own, so that none shares this one's. Threads: one.
    """
    with Launch(list(arms.values()), "float64", n_items) as launch:
        launch.start()
        missing = launch.prepare([one.id for one in arms.values()], n_items)
        present = {name: one for name, one in arms.items() if one.id not in missing}
        repeats = calibrate(launch, list(present.values()), n_items).repeats

        def take(one: Arm) -> dict[str, float]:
            sample = launch.measure([call_of(one, repeats)])[0][0]
            return {"wall_ns": sample.wall_ns, "cpu_ns": sample.cpu_ns}

        yield Scene(
            {name: partial(take, one) for name, one in present.items()},
            absent={name: missing[one.id] for name, one in arms.items() if one.id in missing},
        )
