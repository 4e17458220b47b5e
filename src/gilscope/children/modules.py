"""Modules of the user's that are called like those of the standard library which gilscope has loaded.

Plain Python would find the user's where they come first; in a process in which gilscope was there before, the others
are loaded already.
"""

import os
import sys
from importlib.machinery import PathFinder
from itertools import takewhile


def give_back(loaded: set[str]) -> None:
    """Forget modules that gilscope has loaded where the user has one of the same name, which comes first.

    Parameters
    ----------
    loaded : set of str
        Those that were there before gilscope; they stay, as plain Python has loaded them too. Gilscope itself holds the
        others by its own names.
    """
    standard = os.path.dirname(os.__file__)
    folders = list(takewhile(lambda folder: folder != standard and not folder.endswith(".zip"), sys.path))
    ours = {name.partition(".")[0] for name in sys.modules.keys() - loaded} - loaded - {"gilscope", "__main__"}
    hidden = set()
    for name in ours:
        spec = PathFinder.find_spec(name, folders)
        if spec is not None and spec.loader is not None:  # a mere folder of that name hides nothing
            hidden.add(name)
    for name in sys.modules.keys() - loaded:
        if name.partition(".")[0] in hidden:
            del sys.modules[name]
