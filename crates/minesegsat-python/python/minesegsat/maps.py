"""Maps and change as arrays, polygons and records. Arrays are read from the files of the program when they are asked for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from . import _minesegsat
from ._folder import Folder, PathLike
from ._progress import Progress, shown
from .errors import FileError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Transform = tuple[float, float, float, float, float, float]
Registration = Literal["correct", "measure", "off"]


class Hectares(NamedTuple):
    """An area with its interval, in hectares."""

    ha: float
    lower_ha: float
    upper_ha: float


class Polygons:
    """The polygons of a map. GeoPandas, shapely and others read `__geo_interface__`; Arrow programs read `__arrow_c_stream__`."""

    def __init__(self, folder: Folder) -> None:
        # A temporary folder lives as long as its polygons.
        self._folder = folder

    def _file(self, name: str) -> Path:
        path = self._folder.path / name
        if not path.is_file():
            raise FileError(f"{self._folder.path} has no {name}", "map the scene again with this package")
        return path

    @cached_property
    def __geo_interface__(self) -> dict[str, Any]:
        """A GeoJSON feature collection, in longitude and latitude."""
        return json.loads(self._file("polygons.geojson").read_text(encoding="utf-8"))

    def __len__(self) -> int:
        return len(self.__geo_interface__["features"])

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """The GeoJSON features, largest first."""
        return iter(self.__geo_interface__["features"])

    def to_arrow(self) -> Any:
        """A `pyarrow.Table` in the CRS of the map, with geometries as WKB (GeoParquet). Needs pyarrow."""
        import pyarrow.parquet  # pyright: ignore[reportMissingImports]

        return pyarrow.parquet.read_table(self._file("polygons.parquet"))

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self.to_arrow().__arrow_c_stream__(requested_schema)


class _Output:
    """A folder of rasters with its record."""

    def __init__(self, folder: Folder, manifest: dict[str, Any]) -> None:
        self._folder = folder
        #: The whole record of the run, as in `manifest.json`.
        self.manifest = manifest

    @property
    def folder(self) -> Path:
        """Folder of the files. A temporary one is deleted with this object."""
        return self._folder.path

    @property
    def crs(self) -> str:
        """Coordinate reference system, such as `EPSG:32618`."""
        return f"EPSG:{self.manifest['grid']['epsg']}"

    @property
    def transform(self) -> Transform:
        """(a, b, c, d, e, f): x = a * column + c and y = e * row + f, in the order of rasterio."""
        c, a, b, f, d, e = self.manifest["grid"]["transform"]
        return (a, b, c, d, e, f)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return (self.manifest["grid"]["height"], self.manifest["grid"]["width"])

    @property
    def warnings(self) -> list[str]:
        """What a reader of the result must know."""
        return self.manifest["warnings"]

    def _dataset(self, layers: dict[str, NDArray[Any]]) -> Any:
        import numpy as np
        import xarray  # pyright: ignore[reportMissingImports]

        a, _, c, _, e, f = self.transform
        rows, columns = self.shape
        coordinates = {
            "y": f + e * (np.arange(rows) + 0.5),
            "x": c + a * (np.arange(columns) + 0.5),
            # Where rioxarray finds the CRS and the transform.
            "spatial_ref": ((), 0, {"crs_wkt": self.crs, "GeoTransform": f"{c} {a} 0 {f} 0 {e}"}),
        }
        values = {
            name: (("y", "x"), layer, {"grid_mapping": "spatial_ref"}) for name, layer in layers.items()
        }
        return xarray.Dataset(values, coordinates, {"crs": self.crs, "transform": self.transform})


class Map(_Output):
    """A map of land that mining has disturbed."""

    @classmethod
    def open(cls, folder: PathLike) -> Map:
        """Opens the folder of an earlier map, also one that the program wrote."""
        path = Path(folder) / "manifest.json"
        try:
            manifest = json.loads(path.read_text(encoding="utf-8"))
            _ = manifest["totals"], manifest["grid"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise FileError(f"{folder} is no map: {path} cannot be used: {error}") from error
        return cls(Folder(folder), manifest)

    @cached_property
    def probability(self) -> NDArray[np.float32]:
        """Probability of disturbed land, `[H, W]`, NaN where not assessable."""
        return _minesegsat.read_raster(self.folder / "probability.tif")

    @cached_property
    def mask(self) -> NDArray[np.uint8]:
        """1 mining, 0 background, 255 not assessable, `[H, W]`."""
        return _minesegsat.read_raster(self.folder / "mask.tif")

    @cached_property
    def polygons(self) -> Polygons:
        """The polygons of the mask."""
        return Polygons(self._folder)

    @property
    def hectares(self) -> float:
        """Geodesic area of the polygons, in hectares."""
        return self.manifest["totals"]["area_ha"]

    @property
    def estimated(self) -> Hectares | None:
        """Sum of the probabilities as an area, with its 90 % interval; `None` if no pixel was assessed."""
        found = self.manifest["totals"]["estimated"]
        return None if found is None else Hectares(found["ha"], found["lower_ha"], found["upper_ha"])

    @property
    def share_assessed(self) -> float:
        """Share of the area that was seen, 0 to 1."""
        return self.manifest["assessed"]["share_assessed"]

    def to_xarray(self) -> Any:
        """An `xarray.Dataset` with `probability` and `mask`. Needs xarray; rioxarray finds its CRS."""
        return self._dataset({"probability": self.probability, "mask": self.mask})

    def __repr__(self) -> str:
        rows, columns = self.shape
        return f"<Map {rows} x {columns} pixels, {self.crs}, {self.hectares:.2f} ha of mining>"


class Change(_Output):
    """The change between two maps."""

    @cached_property
    def classes(self) -> NDArray[np.uint8]:
        """0 none, 1 stable, 2 gain, 3 loss, 255 not assessable, `[H, W]`."""
        return _minesegsat.read_raster(self.folder / "change.tif")

    def _area(self, name: str) -> Hectares | None:
        found = self.manifest["total"][name]
        return None if found is None else Hectares(found["ha"], found["lower_ha"], found["upper_ha"])

    @property
    def gain(self) -> Hectares | None:
        """Newly disturbed land; `None` if it is not above the noise."""
        return self._area("gain")

    @property
    def loss(self) -> Hectares | None:
        """Land that is no longer disturbed; `None` if it is not above the noise."""
        return self._area("loss")

    @property
    def stable_ha(self) -> float:
        """Land that is disturbed on both dates, in hectares."""
        return self.manifest["total"]["stable_ha"]

    @property
    def statement(self) -> str:
        """The result in one sentence."""
        return self.manifest["total"]["statement"]

    def to_xarray(self) -> Any:
        """An `xarray.Dataset` with `classes`. Needs xarray; rioxarray finds its CRS."""
        return self._dataset({"classes": self.classes})

    def __repr__(self) -> str:
        return f"<Change {self.statement}>"


def change(
    before: Map | PathLike,
    after: Map | PathLike,
    output: PathLike | None = None,
    *,
    model: PathLike | None = None,
    threshold: float | None = None,
    min_area: float = 1000.0,
    registration: Registration = "correct",
    overwrite: bool = False,
    progress: Progress = None,
) -> Change:
    """Compares the maps of two dates: gain, loss and stable disturbed land.

    :param before: a map, or the folder of one
    :param after: a map of a later date
    :param output: folder for the files; by default they are temporary
    :param model: folder of the model of both maps, for its change head; by default the model in the package
    :param threshold: probability from which land is disturbed on both dates; by default that of the later map
    :param min_area: smallest group of changed pixels, in square metres
    :param registration: whether the shift between the dates is corrected, measured, or neither
    """
    folder = Folder(output)
    first, second = (one.folder if isinstance(one, Map) else Path(one) for one in (before, after))
    with shown(progress, "comparing") as report:
        record = _minesegsat.change(
            first, second, folder.path, model, threshold, min_area, registration, overwrite or folder.is_temporary, report
        )
    return Change(folder, json.loads(record))
