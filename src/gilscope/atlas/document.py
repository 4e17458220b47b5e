"""The file of an atlas: what was measured so far, as JSON, so that a later run goes on from there.

Schema version history
----------------------
1 : first (0.1.0).
"""

from pathlib import Path

from gilscope.atlas.calls import Atlas
from gilscope.atlas.result import AtlasResult, Row
from gilscope.documents.envelope import Form, parse
from gilscope.documents.files import read_text
from gilscope.errors import UsageError
from gilscope.places import portable

ATLAS: Form[AtlasResult] = Form(kind="gilscope atlas", version=1, holds=AtlasResult, indent=1)


def rows_to_go_on_from(path: Path, atlas: Atlas) -> dict[str, Row]:
    """Return the rows of a file by name, those of calls that the atlas no longer has left out.

    Raises
    ------
    UsageError
        If it holds no results of an atlas, or of another one, or is not whole.
    """
    data = check_replaceable(path)
    try:
        found = ATLAS.load(data, str(path))
    except UsageError as error:
        raise UsageError(f"{error}; --restart measures anew") from None
    if found.title != portable(atlas.title):
        raise UsageError(
            f"{path} holds {found.title!r}, not {atlas.title!r}; choose another name, or replace it with --restart"
        )
    names = {call.name for call in atlas.calls}
    return {row.name: row for row in found.rows if row.name in names}


def check_replaceable(path: Path) -> dict[str, object]:
    """Return what a file holds that an atlas may replace: the results of one, whichever and however old.

    Raises
    ------
    UsageError
        If it holds anything else.
    """
    try:
        data = parse(read_text(path), str(path))
    except UsageError as error:
        raise UsageError(f"{error}; so it holds no results of an atlas: choose another name") from None
    if data.get("kind") != ATLAS.kind:
        raise UsageError(f"{path} holds no results of `{ATLAS.kind}`; choose another name")
    return data
