"""Where the arms of an experiment are timed: a fresh interpreter that answers.

`python -m gilscope.experiments.stage` loads one experiment and times its arms when it is asked to (see
`gilscope.children.conversation`). Whatever an experiment starts, it starts in this process, which ends with it.
"""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from math import isfinite
from typing import TYPE_CHECKING, Self

from gilscope.children.conversation import Conversation, answer_requests
from gilscope.children.messages import Message
from gilscope.documents.typed import typed
from gilscope.errors import KernelError, Unavailable
from gilscope.experiments.setting import Setting
from gilscope.showing import named
from gilscope.system.counters import HostMeter
from gilscope.system.gil import gil_enabled

if TYPE_CHECKING:
    from gilscope.experiments.scene import Scene


class Stage:
    """The arms of one experiment in this process. Use as a context manager.

    Parameters
    ----------
    name : str
        Of the experiment.
    setting : Setting

    Notes
    -----
    GIL: held between arms; what an arm does with it is its own affair. Threads: one asks.
    """

    def __init__(self, name: str, setting: Setting) -> None:
        self._open, self._setting = named(f"gilscope.experiments.{name}:scene"), setting
        self._stack = ExitStack()
        self._known: dict[str, set[str]] = {}

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._host = stack.enter_context(HostMeter())
            self._scene: Scene = stack.enter_context(self._open(self._setting))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def arms(self) -> tuple[str, ...]:
        """Names of the arms that can be timed."""
        return tuple(self._scene.arms)

    @property
    def absent(self) -> dict[str, Unavailable]:
        """Arms that cannot run here."""
        return self._scene.absent

    @property
    def notes(self) -> tuple[str, ...]:
        """What no figure holds, until now."""
        return tuple(self._scene.notes)

    @property
    def gil_enabled(self) -> bool:
        """Whether this process has a GIL."""
        return gil_enabled()

    def measure(self, order: Sequence[str]) -> tuple[dict[str, dict[str, float]], int, int]:
        """Time some arms in this order; return their quantities, and ticks stolen and periods throttled meanwhile.

        Raises
        ------
        KernelError
            If an arm gives a quantity that is no number, or others than before.
        """
        steal, throttled = self._host.steal_ticks() or 0, self._host.throttled_periods() or 0
        taken = {arm: self._checked(arm, self._scene.take(arm)) for arm in order}
        return (
            taken,
            (self._host.steal_ticks() or 0) - steal,
            (self._host.throttled_periods() or 0) - throttled,
        )

    def _checked(self, arm: str, quantities: Mapping[str, float]) -> dict[str, float]:
        names = self._known.setdefault(arm, set(quantities))
        if set(quantities) != names:
            raise KernelError(f"{arm} gave {', '.join(sorted(quantities))} after {', '.join(sorted(names))}")
        for name, value in quantities.items():
            if not isfinite(value):
                raise KernelError(f"{arm} gave {value} for {name}")
        return dict(quantities)


class StageProcess(Conversation):
    """A stage in an interpreter of its own. Use as a context manager; takes the same calls as `Stage` after `start`.

    Parameters
    ----------
    name : str
        Of the experiment.
    setting : Setting
    """

    def __init__(self, name: str, setting: Setting) -> None:
        super().__init__("gilscope.experiments.stage", f"the process of experiment {name}")
        self._setup = {"experiment": name, "setting": asdict(setting)}
        self.arms: tuple[str, ...] = ()
        self.absent: dict[str, Unavailable] = {}
        self.notes: tuple[str, ...] = ()
        self.gil_enabled = True

    def start(self) -> None:
        """Make the arms ready."""
        answer = self.ask(op="start", **self._setup)
        self.arms = tuple(answer["arms"])
        self.absent = {arm: Unavailable(reason) for arm, reason in answer["absent"].items()}
        self.notes, self.gil_enabled = tuple(answer["notes"]), answer["gil_enabled"]

    def measure(self, order: Sequence[str]) -> tuple[dict[str, dict[str, float]], int, int]:
        """Time some arms; see `Stage.measure`."""
        answer = self.ask(op="measure", order=list(order))
        self.notes = tuple(answer["notes"])
        return answer["taken"], answer["steal_ticks"], answer["throttled"]


def main() -> None:
    """Answer requests until there are no more."""
    stage: Stage | None = None

    def answer(request: Message, stack: ExitStack) -> Message:
        nonlocal stage
        if request["op"] == "start":
            setting: Setting = typed(Setting, request["setting"])
            stage = stack.enter_context(Stage(request["experiment"], setting))
            absent = {arm: one.reason for arm, one in stage.absent.items()}
            return {"arms": stage.arms, "absent": absent, "notes": stage.notes, "gil_enabled": stage.gil_enabled}
        assert stage is not None  # the first request is always "start"
        taken, steal_ticks, throttled = stage.measure(request["order"])
        return {"taken": taken, "notes": stage.notes, "steal_ticks": steal_ticks, "throttled": throttled}

    answer_requests(answer)


if __name__ == "__main__":
    main()
