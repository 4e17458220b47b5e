"""An atlas as one HTML page that needs nothing else: a table to sort and to filter, and each call's code."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from gilscope.report import atlas

Row = Mapping[str, Any]

_STYLE = """
:root { color-scheme: light dark; --line: #8884; --dim: #777; --good: #2a7d3f; --bad: #b3372b; --even: #a06a00; }
@media (prefers-color-scheme: dark) { :root { --dim: #999; --good: #6cc483; --bad: #ef8a80; --even: #e0b050; } }
body { font: 14px/1.45 system-ui, sans-serif; margin: 2em auto; max-width: 90em; padding: 0 1em; }
h1 { font-size: 1.3em; margin-bottom: 0; } .dim, footer { color: var(--dim); }
form { display: flex; gap: 1em; margin: 1em 0; align-items: baseline; flex-wrap: wrap; }
input, select { font: inherit; padding: .25em .5em; } input { flex: 1; max-width: 30em; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .3em .7em; border-bottom: 1px solid var(--line); vertical-align: top; }
th { position: sticky; top: 0; background: Canvas; } th button { all: unset; cursor: pointer; font-weight: 600; }
th button:focus-visible { outline: 2px solid; } th[aria-sort=ascending] button::after { content: " \\25b2"; }
th[aria-sort=descending] button::after { content: " \\25bc"; }
td.n { font-variant-numeric: tabular-nums; } td.n, td.k, th { white-space: nowrap; } summary { cursor: pointer; }
pre { margin: .5em 0; white-space: pre-wrap; overflow-wrap: anywhere; } details p { margin: .5em 0; max-width: 50em; }
.good { color: var(--good); } .bad { color: var(--bad); } .even { color: var(--even); }
"""

# Rows without a figure have no data-v and stay at the end, whichever way the others are sorted.
_SCRIPT = """
const body = document.querySelector("tbody"), all = [...body.rows], heads = [...document.querySelectorAll("th")];
const text = document.querySelector("input"), kind = document.querySelector("select"), n = document.querySelector("#n");
function filter() {
  const part = text.value.toLowerCase();
  for (const row of all)
    row.hidden = !(row.dataset.text.includes(part) && (!kind.value || row.dataset.kind === kind.value));
  n.textContent = all.filter(row => !row.hidden).length;
}
heads.forEach((head, i) => head.firstChild.onclick = () => {
  const down = head.getAttribute("aria-sort") ? head.getAttribute("aria-sort") === "ascending" : "num" in head.dataset;
  heads.forEach(other => other.removeAttribute("aria-sort"));
  head.setAttribute("aria-sort", down ? "descending" : "ascending");
  const value = row => row.cells[i].dataset.v, sign = down ? -1 : 1;
  body.append(...all.sort((a, b) => (value(a) === undefined) - (value(b) === undefined) ||
    sign * ("num" in head.dataset ? value(a) - value(b) : (value(a) || "").localeCompare(value(b) || "")) || 0));
});
text.oninput = kind.onchange = filter; document.querySelector("form").onsubmit = event => event.preventDefault();
filter();
"""
_COLOURS = {
    "releases": "good",
    "waits": "good",
    "attached": "good",
    "already parallel": "good",
    "native, GIL held": "bad",
    "Python bytecode": "bad",
    "mixed": "even",
    "failed": "bad",
}
# Columns that sort by a text; the others sort by a number.
_TEXT_COLUMNS = ("group", "call", "class", "pays")


def page(data: Mapping[str, Any], rows: Sequence[Row] | None = None) -> str:
    """Return rows as an HTML page, ending in a newline.

    Parameters
    ----------
    data : mapping
        As in the file.
    rows : sequence of mapping, optional
        Those of its rows that are to be shown, in this order; all by default.
    """
    rows = data["rows"] if rows is None else rows
    title, origin = escape(data["title"]), escape(atlas.origin(data))
    heads = "".join(
        f'<th{"" if name in _TEXT_COLUMNS else " data-num"}><button type="button">{escape(name)}</button></th>'
        for name in ("group", *atlas.columns(rows))
    )
    kinds = "".join(f"<option>{escape(kind)}</option>" for kind in sorted({row["class"] for row in rows}))
    below = "".join(f"<p>{escape(text)}</p>" for text in (*atlas.footer(rows), atlas.LEGEND))
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head><body>\n'
        f'<h1>{title}</h1><p class="dim">{origin}</p>\n'
        '<form><input type="search" placeholder="part of a name, a group or the code" aria-label="Search">'
        f'<select aria-label="Class"><option value="">every class</option>{kinds}</select>'
        f'<span class="dim"><span id="n">{len(rows)}</span> of {len(rows)} calls</span></form>\n'
        f"<table><thead><tr>{heads}</tr></thead><tbody>\n{''.join(map(_row, rows))}</tbody></table>\n"
        f"<footer>{below}</footer>\n<script>{_SCRIPT}</script></body></html>\n"
    )


def _row(row: Row) -> str:
    name, kind, *texts = atlas.cells(row)
    words = "\n".join((row["name"], row["group"], row["setup"], row["statement"])).lower()
    notes = "".join(f"<p>{escape(text)}</p>" for text in (row["advice"], *row["notes"]) if text)
    code = escape(f"{row['setup']}\n\n{row['statement']}".strip())
    about = f"<details><summary>{escape(name)}</summary>{notes}<pre>{code}</pre></details>"
    html = _cell(escape(row["group"]), row["group"]) + _cell(about, name)
    colour = f'class="{_COLOURS.get(row["class"], "dim")}{"" if row["failure"] else " k"}"'
    if row["failure"]:
        html += _cell(escape(kind), row["class"], colour) + "<td></td>" * len(texts)
    else:
        html += _cell(escape(kind), row["class"], colour)
        numbers = [*_figures(row), row["pays"]]
        html += "".join(_cell(escape(text), value, 'class="n"') for text, value in zip(texts, numbers, strict=True))
    return f'<tr data-kind="{escape(row["class"])}" data-text="{escape(words)}">{html}</tr>\n'


def _figures(row: Row) -> list[float | None]:
    ways = [_gain(row, way) for way in ("threads", "processes")]
    return [row["released"]["estimate"], row["longest_hold_ns"], row["releases"], row["mean_release_ns"], *ways]


def _gain(row: Row, way: str) -> float | None:
    measured = row[way]["speed_up"] if row["second_cpu"] else None
    figure: float | None = measured["estimate"] if measured else row[way]["predicted"]["low"]
    return figure


def _cell(html: str, value: str | float | None, attributes: str = "") -> str:
    data = "" if value is None else f' data-v="{escape(str(value))}"'
    return f"<td{' ' if attributes else ''}{attributes}{data}>{html}</td>"
