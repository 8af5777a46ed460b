from collections.abc import Callable, Sequence
from os import PathLike
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

__version__: str

_Path = str | PathLike[str]
_Progress = Callable[[str, int, int], object]
_Transform = tuple[float, float, float, float, float, float]

@final
class Scene:
    """An open scene. Make one with `open_scene`."""

    @property
    def name(self) -> str:
        """Name of the scene."""
    @property
    def location(self) -> str:
        """Path or address, as it was given."""
    @property
    def date(self) -> str | None:
        """Day of the picture, such as `2016-01-12`."""
    @property
    def level(self) -> str | None:
        """Processing level: `L1C` or `L2A`."""
    @property
    def crs(self) -> str:
        """Coordinate reference system, such as `EPSG:32618`."""
    @property
    def transform(self) -> _Transform:
        """(a, b, c, d, e, f): x = a * column + c and y = e * row + f, in the order of rasterio."""
    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns at 10 m."""
    @property
    def bands(self) -> list[str]:
        """Bands of the scene."""
    @property
    def warnings(self) -> list[str]:
        """Warnings about the files of the scene."""
    def read(
        self, bands: Sequence[str] | None = None, window: tuple[int, int, int, int] | None = None
    ) -> NDArray[np.float32]:
        """Reflectance `[C, H, W]` on the grid of the scene; NaN where one of the bands has no data.

        `window` is (column, row, width, height). Coarser bands are enlarged as the models see them.
        """

def open_scene(
    location: _Path,
    bands: Sequence[str] | None,
    substitute: Sequence[tuple[str, str]],
    offset: float | None,
    scale: float | None,
    nodata: Sequence[float] | None,
    mask_snow: bool,
    cloud_mask: str | None,
    tile: str | None,
) -> Scene: ...
@final
class Model:
    def __new__(
        cls,
        path: _Path | None,
        engine: str,
        device: str | None,
        precision: str,
        views: int | None,
        library: _Path | None,
    ) -> Model: ...
    def card(self) -> str: ...
    @property
    def bands(self) -> list[str]: ...
    @property
    def normalisation(self) -> list[tuple[float, float]]: ...
    @property
    def threshold(self) -> float: ...
    @property
    def title(self) -> str: ...
    @property
    def device(self) -> str: ...
    def predict(
        self,
        scene: Scene,
        output: _Path,
        bbox: Sequence[float] | None,
        intersects: _Path | None,
        threshold: float | None,
        min_area: float,
        patch_size: int | None,
        formats: Sequence[str],
        overwrite: bool,
        progress: _Progress | None,
    ) -> str: ...

@final
class Patches:
    def __new__(
        cls,
        path: _Path,
        split: str | None,
        bands: Sequence[str] | None,
        normalisation: Sequence[tuple[float, float]] | None,
    ) -> Patches: ...
    def __len__(self) -> int: ...
    @property
    def bands(self) -> list[str]: ...
    @property
    def ids(self) -> list[str]: ...
    @property
    def ignore(self) -> int: ...
    def read(self, index: int) -> tuple[NDArray[np.float32], NDArray[np.uint8]]: ...

def change(
    before: _Path,
    after: _Path,
    output: _Path,
    model: _Path | None,
    threshold: float | None,
    min_area: float,
    registration: str,
    overwrite: bool,
    progress: _Progress | None,
) -> str: ...
def simulate(
    output: _Path,
    seed: int,
    region: str,
    years: Sequence[int],
    size: int,
    sites: int | None,
    cloud_cover: float,
    dates_per_year: int | None,
    overwrite: bool,
    progress: _Progress | None,
) -> str: ...
def read_raster(path: _Path) -> NDArray[Any]: ...
def write_scene(
    path: _Path,
    reflectance: NDArray[np.float32],
    bands: Sequence[str],
    crs: str,
    transform: _Transform,
) -> None: ...
def run_program(arguments: Sequence[str]) -> int: ...
