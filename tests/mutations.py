"""Files of every kind, damaged and made hostile; and whether drawing one does harm.

A mutation changes values, takes keys away or repeats them, cuts the text, flips its bits, or puts into it what JSON
allows and nobody expects. A file may be refused, with an error in one line. Whatever is drawn or said must not hold
what a terminal, a browser or a Markdown reader would obey.
"""

import copy
import json
import random
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import accounts
from probes import PROBES
from results import RESULTS

from gilscope.cli import drawing
from gilscope.cli.formats import FORMATS
from gilscope.cli.kinds import KINDS, forms
from gilscope.documents.envelope import form_of, parse
from gilscope.errors import UsageError

FORMS = forms()
HOSTILE = (
    "\x1b]0;pwned\x07\x1b[2J\x1b[31m",
    "\x9b31m\x90q\x9c",
    "\x00\x08\x7f",
    "a\r\nhidden\tb\x0b",
    "\u202eabc\u2066\u200f\u061c\ufeff",
    "\u2028\u2029",
    "\ud800",
    "<script>alert(1)</script>",
    "'\"><img src=x onerror=alert(1)><svg onload=alert(1)>",
    "[red]x[/red][/]",
    "[a](javascript:alert(1)) ![b](http://x.y/z) <http://x.y>",
    "a|b`*_~$<>&lt;\\",
    "```\n~~~\n# x",
    "{{ 7 * 7 }}{% raw %}",
    "9" * 5000,
    "serial",
    "ledger",
    "",
)
VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 2, 2**31, 2**63, 10**26, 10**30, 10**400, -(10**400)),
    *(1e300, -1e300, 1e26, 5e-324, 0.0, -0.0, 0.5, 1.5, float("nan"), float("inf"), -float("inf")),
    *([], {}, [[]], [{}], {"a": 1}, [1, 2, 3], [None], ["x"] * 50),
)
#: Figures that a field may hold.
FIGURES = (0, 1, 2, 3, 10, 999, 10**6, 2**31, 2**63, 10**26, 0.0, 5e-324, 1e-9, 0.3, 0.5, 1.0, 1.5, 1e9, 1e26)
#: What stands for a number, or for anything, in the text of JSON itself.
RAW = (
    *("1e400", "-1e400", "NaN", "-Infinity", "1" * 5000, "1" * 400, "1e-400", "01", "'x'"),
    "[" * 100_000 + "]" * 100_000,
)
_HARMFUL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
#: What Markdown shows letter by letter.
_FENCED = re.compile(r"^(`{3,})[^`\n]*\n.*?^\1$", re.MULTILINE | re.DOTALL)
_MARKUP = re.compile(r"(?<!\\)<(?:script|img|svg|a |iframe)", re.IGNORECASE)


def originals() -> dict[str, list[str]]:
    """Return files of every kind that is read back, as they are."""
    results: dict[str, list[Any]] = {name: [RESULTS[name]] for name in FORMS if name in RESULTS}
    results["probe"] = list(PROBES.values())
    results["ledger"] += [accounts.SAMPLED, accounts.WITNESSED]
    return {name: [form.dumps(result) for result in results[name]] for name, form in FORMS.items()}


def mutated(text: str, rng: random.Random) -> bytes:
    """Return a file with something wrong in it."""
    data = json.loads(text)
    way: str = rng.choice((*("texts", "figures", "values") * 3, *("less", "long", "raw", "twice", "bits", "cut")))
    _change(data, way, rng)
    said = json.dumps(data)
    if way == "raw":
        said = said.replace('"@@"', rng.choice(RAW))
    elif way == "twice":
        said = said[:-1] + f", {json.dumps(rng.choice(list(data)))}: 1}}"
    raw = said.encode("utf-16" if way == "bits" and rng.random() < 0.1 else "utf-8")
    if way == "cut":
        return raw[: rng.randrange(len(raw))]
    if way == "bits":
        found = bytearray(raw)
        for _ in range(rng.choice((1, 2, 8))):
            found[rng.randrange(len(found))] ^= 1 << rng.randrange(8)
        return bytes(found)
    return raw


def _change(data: Any, way: str, rng: random.Random) -> None:
    """Change values in data; nothing where the way is one of changing its text."""
    places = list(_places(data))
    texts = [one for one in places if isinstance(_at(data, one), str)]
    figures = [one for one in places if type(_at(data, one)) in (int, float)]
    if way == "texts":  # of the right type, so that it is drawn
        for place in rng.choices(texts, k=rng.choice((1, 1, 2, 5))):
            _put(data, place, rng.choice(HOSTILE))
    elif way == "figures":
        for place in rng.choices(figures, k=rng.choice((1, 1, 2, 5))):
            _put(data, place, rng.choice(FIGURES))
    elif way == "values":
        for place in rng.choices(places, k=rng.choice((1, 1, 2, 4))):
            _put(data, place, copy.deepcopy(rng.choice((*VALUES, *HOSTILE))))
    elif way == "long":
        _put(data, rng.choice(texts), rng.choice(("z", "z ", "\u202e")) * rng.choice((10**4, 10**5, 10**6 + 1)))
    elif way in ("less", "raw"):
        _put(data, rng.choice(places), ... if way == "less" else "@@")


def harm(raw: bytes, style: str) -> tuple[str, str]:
    """Draw a file in a format; return "drawn" or "refused", and what harm that does, or "".

    Raises
    ------
    Exception
        Whatever is no refusal.
    """
    try:
        data = parse(raw.decode(), "FILE")
        form = form_of(data, FORMS.values(), "FILE")
        kind = next(name for name, one in FORMS.items() if one is form)
        drawn = drawing.made(KINDS[kind], form.load(data, "FILE"), style)
    except UnicodeDecodeError:
        return "refused", ""  # by what reads a file
    except UsageError as error:
        return "refused", _harm_of(str(error).replace("\n", "\x00"), "text")
    if FORMATS[style].is_picture:
        return "drawn", "" if drawn else "nothing"
    return "drawn", _harm_of(drawn.decode(), style)


def styles_of(kind: str) -> list[str]:
    """Return the formats in which a file of a kind is drawn as text."""
    return KINDS[kind].styles


def _harm_of(text: str, style: str) -> str:
    if found := _HARMFUL.search(text):
        return f"the control character {found[0]!r}"
    shown = _FENCED.sub("", text) if style == "markdown" else text.partition("<body")[2]
    if style in ("html", "markdown") and (markup := _MARKUP.search(shown)):
        return f"the markup {markup[0]!r}"
    if style == "html":
        page = _Page()
        page.feed(text)
        return page.harm
    if style == "json":
        json.loads(text, parse_constant=_refuse)
    return ""


class _Page(HTMLParser):
    """What a page would run or ask for."""

    harm = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in {"script", "img", "svg", "a", "link", "iframe", "object", "base"}:
            self.harm = f"the tag {tag!r}"
        for name, value in attrs:
            if name.startswith("on") or "javascript:" in (value or ""):
                self.harm = f"the attribute {name!r}"


def _refuse(name: str) -> None:
    raise ValueError(name)


def _places(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield where something stands in data; of long lists, the first few places and the last."""
    if place:
        yield place
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _places(item, (*place, key))
    elif isinstance(value, list):
        for i in sorted({*range(min(5, len(value))), *range(max(0, len(value) - 1), len(value))}):
            yield from _places(value[i], (*place, i))


def _at(data: Any, place: tuple[Any, ...]) -> Any:
    for key in place:
        data = data[key]
    return data


def _put(data: Any, place: tuple[Any, ...], value: Any) -> None:
    """Put a value into a place, or take away what is there; nowhere if an earlier one has made that impossible."""
    try:
        for key in place[:-1]:
            data = data[key]
        if value is ...:
            del data[place[-1]]
        else:
            data[place[-1]] = value
    except (KeyError, IndexError, TypeError):
        pass
