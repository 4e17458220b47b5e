"""A file from elsewhere is untrusted: damaged or hostile, it is refused in a line, or what is drawn of it is harmless.

`bench/mutated_files.py` draws ten thousand of each kind in each format.
"""

import random

import mutations
import pytest

from gilscope.cli.kinds import KINDS

ORIGINALS = mutations.originals()
SEEDS = 200


def test_every_kind_that_is_read_back_is_tried() -> None:
    """None is without an example."""
    assert ORIGINALS.keys() == {name for name, kind in KINDS.items() if kind.form}
    assert all(ORIGINALS.values())


@pytest.mark.parametrize("kind", ORIGINALS)
def test_an_original_does_no_harm(kind: str) -> None:
    """Or nothing would be known of what is made of it."""
    for text in ORIGINALS[kind]:
        for style in mutations.styles_of(kind):
            assert mutations.harm(text.encode(), style) == ("drawn", "")


@pytest.mark.parametrize("kind", ORIGINALS)
def test_a_mutated_file_does_no_harm(kind: str) -> None:
    """And some are drawn, so that refusing is not all that is tried."""
    ends = set()
    for seed in range(SEEDS):
        text = ORIGINALS[kind][seed % len(ORIGINALS[kind])]
        raw = mutations.mutated(text, random.Random(seed))
        for style in mutations.styles_of(kind):
            ended, harm = mutations.harm(raw, style)
            assert not harm, (seed, style)
            ends.add(ended)
    assert ends == {"drawn", "refused"}
