"""Starts a program with an account of the GIL: ``python start_program.py``, see `gilscope.accounting.program`.

A bare script and not ``python -P -m``, for its flags are the program's: -P would have the program, and whatever it
starts, search fewer folders. Python's search begins in this script's folder, which is taken out before anything is
imported, and so is whatever PYTHONPATH adds: gilscope itself runs no module of the user's.
"""

import os
import sys

_own = [] if sys.flags.safe_path else sys.path[:1]
_program = sys.path[len(_own) :]
_added = [] if sys.flags.ignore_environment else os.environ.get("PYTHONPATH", "").split(os.pathsep)
_added = [os.path.abspath(folder) for folder in _added] if any(_added) else []
_before = set(sys.modules)
sys.path[:] = [folder for folder in _program if os.path.abspath(folder) not in _added]
sys.path.append(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from gilscope.accounting import program  # noqa: E402

sys.path[:] = _program

if __name__ == "__main__":
    program.main(_before)
