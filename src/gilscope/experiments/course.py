"""All experiments, one after another: what failed is said and gone past, and what is there is not done again."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar

from gilscope.documents.envelope import as_argv
from gilscope.errors import GilscopeError, UsageError
from gilscope.experiments.base import load
from gilscope.experiments.result import ExperimentResult
from gilscope.experiments.setting import EFFORTS, Setting
from gilscope.fields import OneOf
from gilscope.showing import Drawn
from gilscope.version import __version__
from gilscope.words import counted

#: The state of what came to its end.
_WHOLE = "complete"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class CourseResult(Drawn):
    """What all experiments found, as far as they were conducted.

    Parameters
    ----------
    tool : str
        Program and version.
    started : str
        ISO 8601, UTC.
    argv : tuple of str
        The command line's arguments.
    state : {"complete", "partial"}
        Partial until every experiment was conducted or has failed.
    effort : str
        The preset's name.
    experiments : tuple of ExperimentResult
        In the order of the syllabus.
    failures : mapping of str to str
        Why an experiment failed, by its name.
    """

    _view: ClassVar[str] = "gilscope.experiments.course_view:blocks"

    tool: str
    started: str
    argv: tuple[str, ...]
    state: Annotated[str, OneOf("complete", "partial")]
    effort: str
    experiments: tuple[ExperimentResult, ...]
    failures: Mapping[str, str]

    @property
    def is_empty(self) -> bool:
        """Whether nothing was measured, and nothing has failed."""
        return not self.experiments and not self.failures

    @property
    def stop_reason(self) -> str:
        """Why it ended, in words."""
        return "all conducted" if self.state == _WHOLE else "interrupted"

    def _in_a_line(self) -> str:
        return f"CourseResult: {counted(len(self.experiments), 'experiment')}"


@dataclass(frozen=True, slots=True)
class Opened:
    """An experiment begins.

    Parameters
    ----------
    name : str
    number, n_all : int
        Which one it is, from 1, of how many to conduct.
    session : object
        What conducts it.
    """

    name: str
    number: int
    n_all: int
    session: Any


@dataclass(frozen=True, slots=True)
class Closed:
    """An experiment has ended; what was measured so far is worth saving.

    Parameters
    ----------
    name : str
    failure : str
        Why it failed; "" where it did not.
    n_left : int
        Experiments still to conduct.
    """

    name: str
    failure: str
    n_left: int


class Course:
    """Experiments, one after another. Iterate over `events`; ask for `result` at any time.

    Parameters
    ----------
    names : sequence of str
        In the order to conduct them.
    setting : Setting
    seed : int, optional
        Of every random choice; drawn for each where not given.
    argv : sequence of str, optional
        The arguments of a command line.
    done : CourseResult, optional
        What was conducted before; what is complete there is not done again.

    Raises
    ------
    UsageError
        If `done` was conducted with another effort.
    """

    def __init__(
        self,
        names: Sequence[str],
        setting: Setting,
        *,
        seed: int | None = None,
        argv: Sequence[str] = (),
        done: CourseResult | None = None,
    ) -> None:
        if done is not None and done.effort != setting.effort:
            raise UsageError(
                f"these experiments were conducted with effort {done.effort!r}, and {setting.effort!r} was asked for; "
                "go on with the same"
            )
        self.effort = EFFORTS[setting.effort]
        self._names, self._setting, self._seed, self._argv = tuple(names), setting, seed, tuple(argv)
        self._found = {one.experiment: one for one in done.experiments if one.state == _WHOLE} if done else {}
        self._failures: dict[str, str] = {}
        self._started = done.started if done else datetime.now(UTC).isoformat(timespec="seconds")
        self._session: tuple[str, Any] | None = None

    @property
    def names_left(self) -> tuple[str, ...]:
        """What is still to be conducted."""
        return tuple(name for name in self._names if name not in self._found and name not in self._failures)

    def events(self) -> Iterator[Any]:
        """Conduct what is left; yield `Opened`, the events of each experiment, and `Closed`."""
        left = self.names_left
        for number, name in enumerate(left, 1):
            failure = ""
            try:
                session = load(name).conduct(self._setting, seed=self._seed, argv=self._argv)
                self._session = name, session
                yield Opened(name, number, len(left), session)
                yield from session.events()
                self._found[name] = session.result()
            except GilscopeError as error:
                # Without what a process wrote last, which may name folders and people: a result may be published.
                failure = self._failures[name] = str(error).partition(";")[0]
            self._session = None
            yield Closed(name, failure, len(left) - number)

    def result(self) -> CourseResult:
        """Return what was found so far, the experiment under way included."""
        found = dict(self._found)
        if self._session is not None:
            name, session = self._session
            if not (partial := session.result()).is_empty:
                found[name] = replace(partial, state="partial")
        return CourseResult(
            tool=f"gilscope {__version__}",
            started=self._started,
            argv=as_argv(self._argv),
            state="partial" if self.names_left else "complete",
            effort=self._setting.effort,
            experiments=tuple(found[name] for name in self._names if name in found),
            failures=dict(self._failures),
        )
