"""Does a file from elsewhere do harm? Damage and booby-trap files of every kind, and draw each in every format.

Prints for each kind and format how many of so many mutations were drawn, refused and did harm: a traceback, a control
character in what is drawn or said, markup that runs or asks for something. The first of each harm is shown with its
seed, and any makes the exit code 1. Pictures take half a second each, so that only a hundredth is drawn as such.
"""

import random
import sys
import time
import traceback
from collections import Counter
from importlib import import_module
from pathlib import Path

import click

from gilscope.cli.formats import FORMATS
from gilscope.cli.kinds import KINDS
from gilscope.words import count, seconds

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
mutations = import_module("mutations")


@click.command()
@click.option("-n", "n_mutations", default=10_000, show_default=True, help="Of each kind.")
@click.option("--seed", default=0, show_default=True)
@click.argument("kinds", nargs=-1)
def main(n_mutations: int, seed: int, kinds: tuple[str, ...]) -> None:
    """Mutate files of KINDS, all of them by default."""
    n_harmed, first = 0, dict[tuple[str, str, str], str]()
    print(f"{'kind':<12}{'format':<10}{'drawn':>8}{'refused':>9}{'harm':>6}{'longest':>10}")
    for kind, texts in mutations.originals().items():
        if kinds and kind not in kinds:
            continue
        files = [
            mutations.mutated(texts[i % len(texts)], random.Random(f"{seed} {kind} {i}")) for i in range(n_mutations)
        ]
        for style in KINDS[kind].formats:
            found: Counter[str] = Counter()
            longest_s = 0.0
            for i, raw in enumerate(files[::100] if FORMATS[style].is_picture else files):
                begin_s = time.perf_counter()
                try:
                    ended, harm = mutations.harm(raw, style)
                except Exception as error:  # noqa: BLE001 - what is looked for
                    ended, harm = "harm", f"{type(error).__name__} at {traceback.extract_tb(error.__traceback__)[-1]}"
                longest_s = max(longest_s, time.perf_counter() - begin_s)
                found["harm" if harm else ended] += 1
                if harm:
                    first.setdefault((kind, style, harm[:100]), f"seed {seed}, mutation {i}")
            n_harmed += found["harm"]
            figures = f"{count(found['drawn']):>8}{count(found['refused']):>9}{count(found['harm']):>6}"
            print(f"{kind:<12}{style:<10}{figures}{seconds(longest_s):>10}", flush=True)
    for (kind, style, harm), where in first.items():
        print(f"{kind} as {style}: {harm} ({where})")
    sys.exit(1 if n_harmed else 0)


if __name__ == "__main__":
    main()
