"""Exceptions. Each has a message, and a hint if an argument helps."""

from __future__ import annotations


class MinesegsatError(Exception):
    """Base of all exceptions of this package."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message, hint)
        #: What failed, with which value, and what is accepted.
        self.message = message
        #: What helps, or `None`.
        self.hint = hint

    def __str__(self) -> str:
        return self.message if self.hint is None else f"{self.message}\nhint: {self.hint}"


class ArgumentError(MinesegsatError, ValueError):
    """An argument is not accepted."""


class CrsError(MinesegsatError):
    """A coordinate reference system is unknown, or positions in it cannot be transformed exactly."""


class FileError(MinesegsatError):
    """A file cannot be read or written, or its content cannot be used."""


class InUseError(MinesegsatError):
    """Another run writes to the folder."""


class ModelError(MinesegsatError):
    """A model cannot be opened, or it failed."""


class OutputExistsError(MinesegsatError):
    """An output exists already."""


class RemoteError(MinesegsatError):
    """A server cannot be reached, or it refuses."""


class SceneError(MinesegsatError):
    """A scene cannot be used, or it lacks bands."""
