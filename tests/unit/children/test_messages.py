"""Messages between gilscope and its children: they arrive whole, and nothing else passes for one."""

import pytest

from gilscope.children import messages
from gilscope.children.messages import GarbledError, Lines, pack, unpack

TOKEN = "0123abcd"


def test_messages_arrive_however_they_are_cut() -> None:
    """Byte by byte, two at a time, with letters of more than a byte and line ends inside of texts."""
    sent = [{"event": "one", "text": "µ\nsecond line"}, {"event": "two", "numbers": [1, 2.5, None]}]
    stream = b"".join(pack(TOKEN, message) for message in sent)
    for size in (1, 7, len(stream)):
        lines = Lines(TOKEN)
        heard = [message for i in range(0, len(stream), size) for message in lines.take(stream[i : i + size])]
        assert heard == sent


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"3",
        b"garbage",
        b'{"event": "report"}',
        b'ffff {"event": "report"}',
        TOKEN.encode(),
        f"{TOKEN} 3".encode(),
        f"{TOKEN} {{".encode(),
        f'x{TOKEN} {{"event": "report"}}'.encode(),
        b"\xff\xfe",
    ],
)
def test_what_is_no_message_is_garbled(line: bytes) -> None:
    """Without the token, with half of a message, with something before it, or with what is no object."""
    with pytest.raises(GarbledError):
        unpack(TOKEN, line)
    with pytest.raises(GarbledError):
        Lines(TOKEN).take(line + b"\n")


def test_a_line_without_end_is_garbled(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is longer than any message takes no more memory."""
    monkeypatch.setattr(messages, "MOST_BYTES", 100)
    lines = Lines(TOKEN)
    assert lines.take(TOKEN.encode() + b"x" * (100 - len(TOKEN))) == []
    with pytest.raises(GarbledError):
        lines.take(b"x")
    with pytest.raises(GarbledError):  # one that does not even begin like a message is not waited for
        Lines(TOKEN).take(b"x")
