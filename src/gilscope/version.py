"""The version of this package, in one place: pyproject.toml reads it here too."""

__version__ = "0.1.0"
