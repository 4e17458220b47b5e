"""What goes over a pipe between gilscope and a child: JSON, one message a line, each with a token.

The user's code runs in the same process, and may write to descriptors that it did not open. What comes without the
token is no message; one that is longer than any of ours is none either.
"""

from json import dumps, loads
from typing import Any

#: A timeline comes in lines of some 400 kB; a report is far shorter.
MOST_BYTES = 1 << 24

Message = dict[str, Any]


class GarbledError(Exception):
    """Something else than gilscope has written to gilscope's pipe."""


def pack(token: str, message: Message) -> bytes:
    """Return a message as a line.

    Parameters
    ----------
    token : str
        Hexadecimal digits that both sides know.
    message : dict
        Plain data.
    """
    return f"{token} {dumps(message)}\n".encode()


def unpack(token: str, line: bytes) -> Message:
    """Return the message in a line.

    Raises
    ------
    GarbledError
        If it is none with this token.
    """
    found, _, text = line.partition(b" ")
    if found != token.encode():
        raise GarbledError
    try:
        message = loads(text)
    except ValueError as error:
        raise GarbledError from error
    if not isinstance(message, dict):
        raise GarbledError
    return message


class Lines:
    """Bytes that come piece by piece, as messages.

    Parameters
    ----------
    token : str
    """

    def __init__(self, token: str) -> None:
        self._token = token
        self._rest = b""

    def take(self, data: bytes) -> list[Message]:
        """Return the messages that have become whole.

        Raises
        ------
        GarbledError
            If one of them is none, or the next does not begin like one or is longer than any.
        """
        *lines, self._rest = (self._rest + data).split(b"\n")
        token = self._token.encode()
        if len(self._rest) > MOST_BYTES or self._rest[: len(token)] != token[: len(self._rest)]:
            raise GarbledError
        return [unpack(self._token, line) for line in lines]
