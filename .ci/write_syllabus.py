"""Write docs/syllabus.md from the docstrings of the experiments. Usage: write_syllabus.py [FILE].

What an experiment asks, predicts and does is written once, in its module. A test fails when what is committed is not
what this writes.
"""

import sys
import textwrap
from pathlib import Path

from gilscope.experiments.base import HEADINGS, load
from gilscope.experiments.setting import EFFORTS
from gilscope.experiments.syllabus import ARTICLE, QUESTIONS

PAGE = Path(__file__).parents[1] / "docs/syllabus.md"
_WIDTH = 120
_USUAL_S, _FAST_S = (round(EFFORTS[name].budget_s) for name in ("default", "fast"))
_INTRODUCTION = f"""\
# The syllabus

A short article shows two programs on threads and on processes, claims a dozen things and measures none. Each claim is
an experiment here, and so is what its readers ask beside.

```
gilscope experiment responsiveness            one of them: {_USUAL_S} s, --fast {_FAST_S} s
gilscope experiment --all -o all.json         all of them, some minutes
gilscope experiment --all --resume all.json   go on with what is missing
gilscope syllabus all.json                    every claim, and what was found
```

A claim is `confirmed` where the whole interval of every figure that it rests on lies in what confirms it, `refuted`
where one lies in what refutes it, and else `cannot tell here`, with the reason. Between the two is a gap, so that two
honest runs may differ in how much they say but never in what. All intervals of an experiment hold together at 95 %. Two
controls stand behind every verdict: the one that every run has, whose ratios are known, and one of the experiment's
own. Where one of them reads wrong, nothing is decided.
"""


def text() -> str:
    """Return the page."""
    parts = [_INTRODUCTION]
    told: set[str] = set()
    for lesson in ARTICLE:
        names = [f"[{name}](#{name})" for name in lesson.experiments]
        parts.append(f"- {lesson.claim}: {', '.join(names)}.")
    parts[1:] = ["\n".join(parts[1:]) + "\n"]
    for name in (*(one for lesson in ARTICLE for one in lesson.experiments), *QUESTIONS):
        if name not in told:
            told.add(name)
            parts.append(_section(name))
    return "\n".join(parts)


def _section(name: str) -> str:
    experiment = load(name)
    paragraphs = [f"## {name}\n", f"**{experiment.title}**\n"]
    for heading in HEADINGS:
        told = f"*{heading}.* {experiment.sections[heading]}"
        paragraphs.append("\n".join(textwrap.wrap(told, _WIDTH, break_long_words=False, break_on_hyphens=False)) + "\n")
    return "\n".join(paragraphs)


if __name__ == "__main__":
    page = Path(sys.argv[1]) if sys.argv[1:] else PAGE
    page.write_text(text(), encoding="utf-8")
    print(page)
