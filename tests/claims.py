"""Prose held against its figures: an output is read as claims, and each must be one that the figures allow.

A `Vocabulary` lists the sentences that one output may hold, as patterns whose groups are the figures in them. Reading a
text takes it apart from left to right; words that no claim covers are an error, so that no sentence goes unchecked.
Figures count as they are printed: "1.05" stands for whatever is rounded to it, and must lie where its sentence says.
"""

import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from hypothesis import HealthCheck, settings

#: What stands for a figure in a pattern: ``<name:kind>``.
KINDS = {
    "count": r"\d{1,3}(?:[ ,]\d{3})+|\d+",
    "counts": r"\d+(?:(?: or |, )\d+)*",
    "figure": r"[+-]?\d[\d ]*(?:\.\d+)?",
    "range": r"\d+(?:\.\d+)?(?: to \d+(?:\.\d+)?)?",
    "interval": r"-|(?:under )?\d[\d ]*(?:\.\d+)? \[(?:\?|\d[\d ]*(?:\.\d+)?, \d[\d ]*(?:\.\d+)?)\]",
    "percent": r"(?:under |over )?\d[\d ]*(?:\.\d+)? %",
    "time": r"(?:\d[\d ]*(?:\.\d+)? (?:days|h|min|ns|µs|ms|s)\b ?)+(?<! )",
    "text": r".+?",
}
#: What may stand between two claims.
_BETWEEN = re.compile(r"(?:[\s;,.:]|\b(?:and|but) )*")
_NS = {"ns": 1.0, "µs": 1e3, "ms": 1e6, "s": 1e9, "min": 6e10, "h": 3.6e12, "days": 8.64e13}

Check = Callable[..., bool]


def examples(n: int) -> settings:
    """Return the settings of a test that draws outputs: the same ones each time, however long a busy machine takes."""
    return settings(max_examples=n, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@dataclass(frozen=True, slots=True)
class Said:
    """A claim as it was found in a text: its words, its figures, and how it is checked."""

    words: str
    figures: dict[str, str]
    check: Check

    def contradicts(self, facts: Any) -> str:
        """Return its words if the facts exclude it, else nothing."""
        return "" if self.check(facts, **self.figures) else self.words


@dataclass(slots=True)
class Vocabulary:
    """The claims that an output may make."""

    claims: list[tuple[re.Pattern[str], Check]] = field(default_factory=list)

    def claim(self, pattern: str) -> Callable[[Check], Check]:
        """Add a claim: its pattern, with ``<name:kind>`` for figures, and a function of the facts and the figures."""
        expanded = re.sub(r"<(\w+):(\w+)>", lambda m: f"(?P<{m[1]}>{KINDS[m[2]]})", pattern)

        def add(check: Check) -> Check:
            self.claims.append((re.compile(expanded, re.IGNORECASE), check))
            return check

        return add

    def read(self, text: str) -> list[Said]:
        """Take a text apart; fail where no claim covers its words. The longest claim that fits is the one meant."""
        text, found = " ".join(text.split()), []
        at = _BETWEEN.match(text).end()  # type: ignore[union-attr] # it matches nothing too
        while at < len(text):
            matches = [(match, check) for pattern, check in self.claims if (match := pattern.match(text, at))]
            assert matches, f"no claim covers {text[at : at + 100]!r} in {text!r}"
            match, check = max(matches, key=lambda one: one[0].end())
            assert match.end() > at
            found.append(Said(match[0], {k: v for k, v in match.groupdict().items() if v is not None}, check))
            at = _BETWEEN.match(text, match.end()).end()  # type: ignore[union-attr]
        return found

    def contradictions(self, text: str, facts: Any) -> list[str]:
        """Return the claims of a text that the facts exclude."""
        return [words for said in self.read(text) if (words := said.contradicts(facts))]


class Drawn:
    """An example, shown in a failure as the output that a person would see and not as the figures beneath it."""

    def __init__(self, facts: Any, output: str) -> None:
        self.facts = facts
        self.output = output

    def __repr__(self) -> str:
        return f"\n{self.output}\n"


def number(text: str) -> float:
    """Return a printed number, whose digits may stand in groups."""
    return float(re.sub(r"[ ,]", "", text))


def reads(text: str, value: float) -> bool:
    """Tell whether a printed number is the value, rounded to the digits that are printed."""
    digits = len(text.partition(".")[2])
    return math.isfinite(value) and abs(number(text) - value) <= 0.5000001 * 10**-digits + 1e-9 * abs(value)


def reads_bare(text: str, value: float, digits: int) -> bool:
    """Tell whether a printed number is the value to so many decimals, of which zeros at the end are left out."""
    return abs(number(text) - value) <= 0.5000001 * 10**-digits + 1e-9 * abs(value)


def seconds_of(text: str) -> float:
    """Return a printed time in seconds."""
    parts = re.findall(r"(\d[\d ]*(?:\.\d+)?) (days|h|min|ns|µs|ms|s)", text)
    return sum(number(one) * _NS[unit] for one, unit in parts) / 1e9


def reads_time(text: str, value_ns: float) -> bool:
    """Tell whether a printed time is the value, to three figures."""
    return abs(1e9 * seconds_of(text) - value_ns) <= 0.0051 * value_ns + 0.0051


def reads_share(text: str, share: float, digits: int = 0) -> bool:
    """Tell whether printed per cent are the share: to the next step, for shares are rounded to add up to 100."""
    step = 10.0**-digits / 100
    if text.startswith("under "):
        return 0 < share <= step
    if text.startswith("over "):
        return 1 - step <= share < 1
    shown = number(text.removesuffix(" %")) / 100
    return abs(shown - share) < step * 1.000001 and (0 < shown < 1 or abs(share - shown) < 1e-9 or shown not in (0, 1))


def ends(text: str) -> tuple[float, float, float]:
    """Return estimate, low and high of an interval as printed; 0 and infinite ends for [?]."""
    numbers = [number(one) for one in re.findall(r"\d[\d ]*(?:\.\d+)?", text)]
    return (numbers[0], numbers[1], numbers[2]) if len(numbers) == 3 else (numbers[0], 0.0, math.inf)


def spans(text: str) -> tuple[str, str]:
    """Return both ends of a printed range, which are one where it is a single number."""
    low, _, high = text.partition(" to ")
    return low, high or low


def adds_up(shares: Iterable[str]) -> bool:
    """Tell whether printed per cent of one whole add up to no more than 100."""
    return sum(number(one.removesuffix("%")) for one in shares if one[:1].isdigit()) <= 100.0000001
