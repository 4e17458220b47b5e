"""Markdown as a reader of it sees it: every text is its letters, and none is markup."""

import pytest
from claims import examples
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from gilscope.report import markdown
from gilscope.report.blocks import Code, Column, Fact, Facts, Line, Sentences, Table
from gilscope.report.harmless import line

READER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
#: Everything that means something to Markdown, and a little that does not.
TEXTS = st.text(alphabet="ab 1\\`*_[](){}<>|~$&;!#+-=.:/w\"'\n\t", max_size=25)
LETTERS = {"text", "text_special"}


def read(text: str) -> list[Token]:
    """Return what a reader of Markdown is shown, in order."""
    return [one for token in READER.parse(text) for one in ([token] if token.children is None else token.children)]


def letters(tokens: list[Token]) -> str:
    """Return what is shown as letters."""
    return "".join(token.content for token in tokens if token.type in LETTERS)


@examples(500)
@given(TEXTS)
def test_a_sentence_is_its_letters(said: str) -> None:
    """In a paragraph of its own: no heading, list, rule, code, link, or emphasis."""
    shown = line(said).strip()
    tokens = read(markdown.render([Sentences((said,))]))
    assert {token.type for token in tokens} <= {"paragraph_open", "paragraph_close", *LETTERS}
    assert letters(tokens) == shown


@examples(500)
@given(TEXTS, TEXTS)
def test_a_cell_is_its_letters(one: str, other: str) -> None:
    """And a table has as many as it was given."""
    tokens = read(markdown.render([Table((Column("x"), Column("y")), (Line((one, other)),))]))
    assert [token.type for token in tokens].count("td_open") == 2
    assert all(token.type in LETTERS or token.type.startswith(("table", "t")) for token in tokens)
    assert letters(tokens) == f"xy{line(one).strip()}{line(other).strip()}"


@examples(300)
@given(TEXTS)
def test_code_is_its_letters(said: str) -> None:
    """Whatever fences and ticks it has itself, in a block and in a cell."""
    (fence,) = (token for token in read(markdown.render([Code(said)])) if token.type != "paragraph_open")
    assert fence.content.rstrip() == said.rstrip()
    tokens = read(markdown.render([Facts((Fact("a", "b", (said,)),))]))
    assert [token.type for token in tokens].count("td_open") == 2
    assert [token.content.strip() for token in tokens if token.type == "code_inline"] == (
        [line(said).strip()] if said else []
    )


@pytest.mark.parametrize("link", ["http://x.y", "https://x.y/z", "www.x.y"])
def test_no_text_becomes_a_link_by_itself(link: str) -> None:
    """GitHub looks for these letters in a row."""
    assert link not in markdown.render([Sentences((f"see {link}",))])
