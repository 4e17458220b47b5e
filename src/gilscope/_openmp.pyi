from typing import Final

from typing_extensions import Buffer

VERSION: Final[int]

def square(x: Buffer, out: Buffer, n_threads: int, /) -> int: ...
def quad(x: Buffer, out: Buffer, n_threads: int, /) -> int: ...
