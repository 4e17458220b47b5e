"""The fixture ``gil`` for pytest: `gilscope.testing`'s assertions, where what cannot be told skips the test.

pytest imports this whenever gilscope is installed, so nothing of gilscope is loaded before a test uses the fixture.
"""

from collections.abc import Callable

import pytest


class Gil:
    """The assertions of `gilscope.testing`; a test in which one cannot be told is skipped, with the reason."""

    def releases(self, call: Callable[[], object], at_least: float = 0.9, at_most: float | None = None) -> None:
        """Fail unless a call releases the GIL for most of its time; see `gilscope.testing.assert_releases_gil`."""
        __tracebackhide__ = True
        from gilscope.testing import assert_releases_gil

        _or_skip(assert_releases_gil, call, at_least, at_most)

    def holds(self, call: Callable[[], object]) -> None:
        """Fail if a call releases the GIL, even once; see `gilscope.testing.assert_holds_gil`."""
        __tracebackhide__ = True
        from gilscope.testing import assert_holds_gil

        _or_skip(assert_holds_gil, call)

    def max_stall(self, call: Callable[[], object], ms: float) -> None:
        """Fail if a call keeps another thread waiting for longer; see `gilscope.testing.assert_max_stall`."""
        __tracebackhide__ = True
        from gilscope.testing import assert_max_stall

        _or_skip(assert_max_stall, call, ms)


def _or_skip(assertion: Callable[..., None], *arguments: object) -> None:
    __tracebackhide__ = True
    from gilscope.errors import CannotRunError

    try:
        assertion(*arguments)
    except CannotRunError as error:
        pytest.skip(str(error))


@pytest.fixture
def gil() -> Gil:
    """Give assertions about the GIL: ``gil.releases(call)``, ``gil.holds(call)``, ``gil.max_stall(call, ms=1)``."""
    return Gil()
