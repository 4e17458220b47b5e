"""Every kind of result, in one table: what draws it, and what its files are. A new kind is a view and a line here."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gilscope.cli.formats import FORMATS
from gilscope.errors import UsageError
from gilscope.showing import named
from gilscope.words import joined

if TYPE_CHECKING:
    from gilscope.documents.envelope import Form
    from gilscope.report.blocks import Block


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of result; its modules are imported when one is drawn.

    Parameters
    ----------
    view : str
        ``"module:function"``, which turns a result into blocks.
    dumps : str, optional
        ``"module:function"``, which turns it into JSON text that ends in a newline; of a kind that is not read back.
    picture : str, optional
        ``"module:function"``, which turns it into the bytes of a picture, given "svg" or "png".
    form : str, optional
        ``"module:name"``, the `gilscope.documents.envelope.Form` of its files; of a kind that is.
    """

    view: str
    dumps: str = ""
    picture: str = ""
    form: str = ""

    @property
    def formats(self) -> list[str]:
        """Every format that its files can have."""
        return [form for form, one in FORMATS.items() if self.picture or not one.is_picture]

    @property
    def styles(self) -> list[str]:
        """Every format that it can have on standard output."""
        return [form for form in self.formats if not FORMATS[form].is_picture]

    def format_of(self, path: Path) -> str:
        """Return the format that the ending of a file asks for.

        Raises
        ------
        UsageError
            If it has none of this kind's.
        """
        for form in self.formats:
            if path.suffix.lower() in FORMATS[form].endings:
                return form
        allowed = joined([FORMATS[form].endings[0] for form in self.formats], "or")
        raise UsageError(f"{path}: the ending says what is written; choose {allowed}")

    def blocks(self, result: Any) -> "tuple[Block, ...]":
        """Return a result as blocks."""
        return tuple(named(self.view)(result))

    def json(self, result: Any) -> str:
        """Return a result as JSON."""
        return str(named(self.form).dumps(result) if self.form else named(self.dumps)(result))

    def drawn(self, result: Any, form: str) -> bytes:
        """Return a result as a picture."""
        data: bytes = named(self.picture)(result, form)
        return data


KINDS = {
    "run": Kind("gilscope.running.view:blocks", form="gilscope.running.document:RUN"),
    "experiment": Kind("gilscope.experiments.view:blocks", form="gilscope.experiments.document:EXPERIMENT"),
    "syllabus": Kind("gilscope.experiments.course_view:blocks", form="gilscope.experiments.document:SYLLABUS"),
    "probe": Kind("gilscope.probing.view:blocks", form="gilscope.probing.result:PROBE"),
    "atlas": Kind("gilscope.atlas.view:blocks", form="gilscope.atlas.document:ATLAS"),
    "trace": Kind(
        "gilscope.tracing.view:blocks",
        picture="gilscope.tracing.picture:draw",
        form="gilscope.tracing.document:TRACE",
    ),
    "ledger": Kind("gilscope.accounting.view:of_account", form="gilscope.accounting.document:LEDGER"),
    "doctor": Kind("gilscope.cli.doctor:blocks", "gilscope.cli.doctor:dumps"),
    "imports": Kind("gilscope.cli.imports:blocks", "gilscope.cli.imports:dumps"),
    "selftest": Kind("gilscope.cli.selftest:blocks", "gilscope.cli.selftest:dumps"),
    "list": Kind("gilscope.cli.list_:blocks", "gilscope.cli.list_:dumps"),
}


def forms() -> "dict[str, Form[Any]]":
    """Return what the files of each kind are that is read back, by its name."""
    return {name: named(kind.form) for name, kind in KINDS.items() if kind.form}
