"""Progress of long functions."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

#: `True` or `False`: a bar or none. `None`: a bar if tqdm is installed and stderr is a terminal. A function is called with the
#: stage, the units that are done, and their total (0 if it is not known).
Progress = bool | None | Callable[[str, int, int], object]


@contextmanager
def shown(progress: Progress, what: str) -> Iterator[Callable[[str, int, int], object] | None]:
    """The function to call with each report, or `None`."""
    if callable(progress):
        yield progress
        return
    wanted = sys.stderr is not None and sys.stderr.isatty() if progress is None else progress
    bar: Any = None
    if wanted:
        try:
            from tqdm.auto import tqdm  # pyright: ignore[reportMissingModuleSource]

            bar = tqdm(desc=what, total=0)
        except ImportError:
            pass
    if bar is None:
        yield None
        return

    def update(stage: str, done: int, total: int) -> None:
        bar.total = total or None
        bar.n = done
        bar.set_description(stage or what, refresh=False)
        bar.refresh()

    try:
        yield update
    finally:
        bar.close()
