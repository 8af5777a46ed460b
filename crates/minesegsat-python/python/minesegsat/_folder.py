"""Folders of outputs."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

#: A path, as text or as an object.
PathLike = str | os.PathLike[str]


class Folder:
    """The given folder, or a temporary one that is deleted with this object."""

    def __init__(self, given: PathLike | None) -> None:
        self._temporary = tempfile.TemporaryDirectory(prefix="minesegsat-") if given is None else None
        self.is_temporary: bool = self._temporary is not None
        self.path: Path = Path(self._temporary.name if self._temporary is not None else os.fspath(given or "."))
