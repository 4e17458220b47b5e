"""Where what a command finds goes: in one format to standard output, and to a file for each -o."""

from collections.abc import Container
from pathlib import Path
from typing import Any

import click

from gilscope.cli import drawing, exit_codes, voice
from gilscope.cli.files import check_output, save
from gilscope.cli.formats import FORMATS
from gilscope.cli.kinds import Kind
from gilscope.errors import CannotRunError, UsageError


class Outputs:
    """What was asked for, refused at once where it cannot be.

    Parameters
    ----------
    kind : Kind
        What the command finds.
    files : list of Path
        The ending of each says in which format.
    style : str or None, optional
        The format for standard output; None where none was asked for.
    force : bool, optional
        Whether files may be replaced.
    as_json : list of Path, optional
        Files that are JSON whatever their ending.
    goes_on : bool, optional
        Whether a JSON file that exists is gone on with, which the command itself has to check.

    Raises
    ------
    UsageError
        For a file that cannot be written, or must not be.
    CannotRunError
        For a format whose library is not installed.
    """

    def __init__(
        self,
        kind: Kind,
        files: list[Path],
        style: str | None = None,
        *,
        force: bool = False,
        as_json: list[Path] | None = None,
        goes_on: bool = False,
    ) -> None:
        self.kind, self.style = kind, style
        self.files = {path: kind.format_of(path) for path in files}
        self.files |= dict.fromkeys(as_json or (), "json")
        if len(self.files) < len(files) + len(as_json or ()):
            raise UsageError(f"{next(path for path in files if files.count(path) > 1)} is given twice; leave one out")
        for path, form in self.files.items():
            check_output(path, force=force or (goes_on and form == "json"))
        for form in (*self.files.values(), *filter(None, [style])):
            drawing.check_format(form)
        self._lost: dict[Path, CannotRunError | None] = {}

    @property
    def is_for_programs(self) -> bool:
        """Whether what is found goes where a failure is to be found too: into a file, or as JSON into a pipe."""
        return bool(self.files) or self.style == "json"

    @property
    def lost(self) -> list[CannotRunError]:
        """Why files could not be written when that was last tried."""
        return [error for error in self._lost.values() if error is not None]

    @property
    def saved(self) -> list[Path]:
        """The files that hold what was found."""
        return [path for path, error in self._lost.items() if error is None]

    def show(self, result: Any) -> None:
        """Show a result, and nothing else, on standard output.

        Parameters
        ----------
        result : object
            What the view of its kind takes.
        """
        drawing.draw(self.kind, result, self.style or "text")

    def save(self, result: Any, forms: Container[str] = FORMATS) -> None:
        """Write the files of some formats. What goes wrong is said by `conclude`, when what was measured was shown.

        Parameters
        ----------
        result : object
            What the view of its kind takes.
        forms : container of str
        """
        for path, form in self.files.items():
            if form in forms:
                try:
                    self._lost[path] = save(path, drawing.made(self.kind, result, form))
                except CannotRunError as error:
                    self._lost[path] = error

    def conclude(self, code: int, hint: str = "") -> int:
        """Say what was saved and what could not be; return the exit code for that and for what was found.

        Parameters
        ----------
        code : int
            For what was found.
        hint : str, optional
            What to do with a file that was saved.
        """
        if self.saved:
            voice.say(f"Saved: {', '.join(map(str, self.saved))}{'    ' if hint else ''}{hint}")
        for error in self.lost:
            click.echo(f"gilscope: {error}", err=True)
            code = exit_codes.unsaved(code)
        return code
