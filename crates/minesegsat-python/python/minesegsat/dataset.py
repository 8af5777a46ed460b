"""Training sets for PyTorch and other frameworks."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal

from ._folder import PathLike
from ._minesegsat import Patches

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Split = Literal["train", "val", "test", "unused"]


class PatchDataset:
    """The samples of a training set of `minesegsat dataset build`, as a map-style dataset.

    Each item is a pair: reflectance `[C, H, W]` as float32 and a mask `[H, W]` as uint8. The value `ignore` in a mask marks pixels
    without a label, without data or under cloud. `torch.utils.data.DataLoader` takes it as it is, with any number of workers. It
    needs no PyTorch itself.

    :param path: folder of the set
    :param split: part of the split; `None` for all samples
    :param bands: bands in the order of the channels; by default all of the set
    :param normalisation: (offset, divisor) of each band, such as `Model.normalisation`; by default reflectance
    :param transform: function of (reflectance, mask) whose result is the item
    """

    def __init__(
        self,
        path: PathLike,
        split: Split | None = "train",
        *,
        bands: Sequence[str] | None = None,
        normalisation: Sequence[tuple[float, float]] | None = None,
        transform: Callable[[NDArray[np.float32], NDArray[np.uint8]], Any] | None = None,
    ) -> None:
        self._arguments = (os.fspath(path), split, bands, normalisation)
        self._patches = Patches(*self._arguments)
        self.transform: Callable[[NDArray[np.float32], NDArray[np.uint8]], Any] | None = transform

    @property
    def bands(self) -> list[str]:
        """Bands in the order of the channels."""
        return self._patches.bands

    @property
    def ids(self) -> list[str]:
        """Id of each sample."""
        return self._patches.ids

    @property
    def ignore(self) -> int:
        """Value of pixels that do not count in a mask."""
        return self._patches.ignore

    def __len__(self) -> int:
        return len(self._patches)

    def __getitem__(self, index: int) -> Any:
        size = len(self)
        if not -size <= index < size:
            raise IndexError(f"index {index} is not accepted: the set has {size} samples")
        data, mask = self._patches.read(int(index) % size)
        return (data, mask) if self.transform is None else self.transform(data, mask)

    def __getstate__(self) -> dict[str, Any]:
        # Workers that are spawned open the set again.
        return {"arguments": self._arguments, "transform": self.transform}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._arguments = state["arguments"]
        self._patches = Patches(*self._arguments)
        self.transform = state["transform"]
