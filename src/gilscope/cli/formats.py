"""Every format of output, in one table. A new one that draws blocks is a module in `report` and a line here."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Format:
    """A format; what it needs is imported when it is asked for.

    Parameters
    ----------
    endings : tuple of str
        Of its files; the first is the one that is proposed.
    draws : str, optional
        ``"module:function"``, which turns blocks into text; "" where each kind has a writer of its own.
    check : str, optional
        ``"module:function"``, which refuses it where the library that it needs is not installed.
    is_picture : bool, optional
        Whether it is for files alone.
    """

    endings: tuple[str, ...]
    draws: str = ""
    check: str = ""
    is_picture: bool = False


FORMATS = {
    "text": Format((".txt",), "gilscope.report.text:whole"),
    "markdown": Format((".md", ".markdown"), "gilscope.report.markdown:render"),
    "json": Format((".json",)),
    "html": Format((".html", ".htm"), "gilscope.report.html:page", check="gilscope.report.html:check"),
    "svg": Format((".svg",), check="gilscope.tracing.picture:check_available", is_picture=True),
    "png": Format((".png",), check="gilscope.tracing.picture:check_available", is_picture=True),
}
