"""Lists of calls: what is read, and how each malformed one is refused."""

from pathlib import Path

import pytest

from gilscope.atlas.calls import SHIPPED, load, parse
from gilscope.errors import UsageError

GOOD = """\
title = "Mine"
requires = ["zlib"]

[[call]]
name = "crc"
group = "sums"
requires = ["array", "zlib"]
setup = "import zlib"
statement = "zlib.crc32(b'')"

[[call]]
name = "nothing"
group = "rest"
statement = "pass"
"""
CALL = 'name = "x"\ngroup = "g"\nstatement = "pass"\n'


def refused(text: str) -> str:
    with pytest.raises(UsageError) as caught:
        parse(text, "mine.toml")
    return str(caught.value)


def with_call(call: str) -> str:
    return f'title = "T"\n[[call]]\n{call}'


def test_a_list_is_read() -> None:
    """Calls come in the order of the file; what the whole list requires, each call requires."""
    atlas = parse(GOOD)
    assert atlas.title == "Mine"
    assert [call.name for call in atlas.calls] == ["crc", "nothing"]
    assert [call.requires for call in atlas.calls] == [("zlib", "array"), ("zlib",)]
    assert [call.setup for call in atlas.calls] == ["import zlib", ""]


@pytest.mark.parametrize("name", SHIPPED)
def test_the_shipped_lists_are_found_by_name(name: str) -> None:
    """What comes with gilscope passes its own checks."""
    assert load(name).calls


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("title = x\n", "mine.toml is not TOML: Invalid value (at line 1, column 9)"),
        ('title = "T"', "mine.toml: lacks 'call'"),
        (f"[[call]]\n{CALL}", "mine.toml: lacks 'title'"),
        (
            'title = "T"\ncalls = []\ncall = []',
            "unknown key 'calls'; choose from: title, requires, call. Did you mean 'call'",
        ),
        ('title = "T"\ncall = []', "'call' must be a list of tables"),
        ('title = "T"\ncall = 1', "'call' must be a list of tables"),
        ('title = "T"\ncall = ["x"]', "'call' must be a list of tables"),
        (f"title = 1\n[[call]]\n{CALL}", "'title' must be a text (got int)"),
        (f'title = " "\n[[call]]\n{CALL}', "'title' is empty"),
        (f'title = "T"\nrequires = "zlib"\n[[call]]\n{CALL}', "'requires' must be a list of modules"),
        (f'title = "T"\nrequires = ["a b"]\n[[call]]\n{CALL}', "'a b' in 'requires' is not the name of a module"),
        (with_call('name = "x"\ngroup = "g"'), "mine.toml, line 2, call 'x': lacks 'statement'"),
        (with_call('statement = "pass"'), "mine.toml, line 2, call 1: lacks 'name' and 'group'"),
        (with_call(f'{CALL}colour = "red"'), "line 2, call 'x': unknown key 'colour'"),
        (with_call('name = "x"\ngroup = "g"\nstatement = ""'), "call 'x': 'statement' is empty"),
        (with_call('name = "a\\nb"\ngroup = "g"\nstatement = "pass"'), "'name' must be one line"),
        (with_call(f"{CALL}setup = 1"), "call 'x': 'setup' must be a text (got int)"),
        (with_call(f'{CALL}setup = "import"'), "call 'x': its setup cannot be compiled: "),
        (with_call('name = "x"\ngroup = "g"\nstatement = "return 1"'), "its statement cannot be compiled: 'return'"),
        (with_call('name = "x"\ngroup = "g"\nstatement = "a\\u0000"'), "its statement cannot be compiled: "),
        (with_call(f"{CALL}requires = [1]"), "call 'x': 'requires' must be a list of modules"),
        (with_call(f"{CALL}[[call]]\n{CALL}"), "mine.toml, line 6, call 'x': another call has this name"),
    ],
)
def test_a_malformed_list_is_refused(text: str, told: str) -> None:
    """The error says what was given, what is allowed, and in which line or call."""
    assert told in refused(text)


def test_no_line_is_named_where_it_might_be_another_one() -> None:
    """A text of several lines may look like the beginning of a call."""
    told = refused(with_call(f"{CALL}setup = '''\n[[call]]\nimport'''"))
    assert told.startswith("mine.toml, call 'x': its setup")


def test_code_that_python_warns_of_is_no_error() -> None:
    """Whether code is good is not for the list to say."""
    assert parse(with_call("name = \"x\"\ngroup = \"g\"\nstatement = '''1 is 1'''")).calls


def test_a_missing_file_names_the_lists_that_need_none(tmp_path: Path) -> None:
    """Who mistypes a shipped list's name reads how it is written."""
    with pytest.raises(UsageError, match="no call list .*stdlb; with gilscope come stdlib and numpy"):
        load(str(tmp_path / "stdlb"))


def test_what_is_not_text_is_refused(tmp_path: Path) -> None:
    """A folder and a file of bytes are no lists."""
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match="it is not text"):
        load(str(tmp_path / "bytes"))
    with pytest.raises(UsageError, match="cannot read"):
        load(str(tmp_path))
