"""Models, and the maps that they make."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from . import _minesegsat
from ._folder import Folder, PathLike
from ._minesegsat import Scene
from ._progress import Progress, shown
from .errors import ArgumentError
from .maps import Map, Transform
from .scenes import CloudMask, open_scene

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

Engine = Literal["fastest", "native", "burn", "onnxruntime", "openvino"]
Format = Literal["gpkg", "geojson", "fgb", "parquet"]

#: What `Polygons` reads.
_FORMATS = ("geojson", "parquet")


class Model:
    """A trained model. Open one with `Model.open`."""

    def __init__(self, opened: _minesegsat.Model) -> None:
        self._opened = opened

    @classmethod
    def open(
        cls,
        path: PathLike | None = None,
        *,
        engine: Engine = "fastest",
        device: str | None = None,
        precision: Literal["fp32", "bf16"] = "fp32",
        views: int | None = None,
        library: PathLike | None = None,
    ) -> Model:
        """Opens a model folder; without a path, the model in the program.

        :param engine: what runs the network
        :param device: `cpu`, or another device that this build has
        :param precision: of matrix products
        :param views: number of flips and rotations to average over: 1, 2, 4 or 8
        :param library: library of ONNX Runtime or OpenVINO, or its folder
        :raises ModelError: the folder is no model, or the engine does not support it
        """
        return cls(_minesegsat.Model(path, engine, device, precision, views, library))

    @property
    def title(self) -> str:
        """Name of the model."""
        return self._opened.title

    @property
    def bands(self) -> list[str]:
        """Bands that the model sees, in the order of its channels."""
        return self._opened.bands

    @property
    def normalisation(self) -> list[tuple[float, float]]:
        """(offset, divisor) of each band: the network sees (reflectance - offset) / divisor."""
        return self._opened.normalisation

    @property
    def threshold(self) -> float:
        """Probability from which land is disturbed."""
        return self._opened.threshold

    @property
    def device(self) -> str:
        """Device, engine and precision."""
        return self._opened.device

    @cached_property
    def card(self) -> dict[str, Any]:
        """The whole card: licence, training, metrics."""
        return json.loads(self._opened.card())

    def predict(
        self,
        scene: Scene | PathLike,
        output: PathLike | None = None,
        *,
        bbox: tuple[float, float, float, float] | None = None,
        intersects: PathLike | Mapping[str, Any] | Any | None = None,
        threshold: float | None = None,
        min_area: float = 0.0,
        patch_size: int | None = None,
        formats: Sequence[Format] = (),
        overwrite: bool = False,
        progress: Progress = None,
    ) -> Map:
        """Maps a scene. The files are those of `minesegsat predict`, byte for byte.

        :param output: folder for the files; by default they are temporary and deleted with the map
        :param bbox: part of the scene: west, south, east, north in degrees
        :param intersects: part of the scene: polygons in a file, or an object with `__geo_interface__` in degrees
        :param threshold: probability from which land is disturbed; by default that of the model
        :param min_area: smallest polygon, in square metres
        :param patch_size: width and height of a patch in pixels; by default that of the model
        :param formats: vector files to write beside GeoJSON and GeoParquet
        :param overwrite: whether files of an earlier map are replaced
        :param progress: a bar or none, or a function of (stage, done, total)
        """
        opened = scene if isinstance(scene, Scene) else open_scene(scene)
        folder = Folder(output)
        wanted = [*_FORMATS, *(name for name in formats if name not in _FORMATS)]
        with _area(intersects) as area, shown(progress, "mapping") as report:
            record = self._opened.predict(
                opened,
                folder.path,
                None if bbox is None else list(bbox),
                area,
                threshold,
                min_area,
                patch_size,
                wanted,
                overwrite or folder.is_temporary,
                report,
            )
        return Map(folder, json.loads(record))

    def predict_array(
        self,
        reflectance: ArrayLike | Any,
        *,
        bands: Sequence[str] | None = None,
        crs: Any = None,
        transform: Sequence[float] | None = None,
        cloud_mask: CloudMask | None = None,
        substitute: Mapping[str, str] | None = None,
        **options: Any,
    ) -> Map:
        """Maps an array of reflectance, `[C, H, W]`, NaN where missing.

        An `xarray.DataArray` brings its own georeference: dimensions (band, y, x), names of bands as the coordinate `band`, and the
        CRS as rioxarray stores it, or as the attribute `crs`.

        :param bands: name of each channel: `["B02", "B03", ...]`
        :param crs: a projected system in metres: `"EPSG:32618"`, 32618, or an object of rasterio or pyproj
        :param transform: (a, b, c, d, e, f) in the order of rasterio, pixels of 10 m
        :param options: as for `predict`
        """
        values, bands, name, place = _georeferenced(reflectance, bands, crs, transform)
        with tempfile.TemporaryDirectory(prefix="minesegsat-") as folder:
            path = Path(folder) / "array.tif"
            _minesegsat.write_scene(path, values, bands, name, place)
            scene = open_scene(
                path, bands=bands, scale=1.0, offset=0.0, cloud_mask=cloud_mask, substitute=substitute
            )
            return self.predict(scene, **options)

    def __repr__(self) -> str:
        return f"<Model {self.title}, {len(self.bands)} bands, {self.device}>"


@cache
def _in_program() -> Model:
    return Model.open()


def predict(scene: Scene | PathLike | NDArray[Any] | Any, *, model: Model | None = None, **options: Any) -> Map:
    """Maps a scene, the path of one, or an array of reflectance (then with `bands`, `crs` and `transform`).

    Without a model it takes the model in the program, which is opened once.
    """
    model = model or _in_program()
    if isinstance(scene, (Scene, str, os.PathLike)):
        return model.predict(scene, **options)
    return model.predict_array(scene, **options)


class _area:
    """The path of an area of interest. An object with a geometry is written to a temporary file."""

    def __init__(self, given: Any) -> None:
        self._given = given
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def __enter__(self) -> PathLike | None:
        if self._given is None or isinstance(self._given, (str, os.PathLike)):
            return self._given
        geometry = getattr(self._given, "__geo_interface__", self._given)
        if not isinstance(geometry, Mapping):
            raise ArgumentError(
                f"intersects `{self._given!r}` is not accepted: a path, GeoJSON, or an object with __geo_interface__"
            )
        if "features" not in geometry and "geometry" not in geometry:
            geometry = {"type": "Feature", "properties": {}, "geometry": geometry}
        self._folder = tempfile.TemporaryDirectory(prefix="minesegsat-")
        path = Path(self._folder.name) / "area.geojson"
        path.write_text(json.dumps(geometry), encoding="utf-8")
        return path

    def __exit__(self, *_: object) -> None:
        if self._folder is not None:
            self._folder.cleanup()


def _georeferenced(
    reflectance: Any, bands: Sequence[str] | None, crs: Any, transform: Sequence[float] | None
) -> tuple[NDArray[np.float32], list[str], str, Transform]:
    """The values of an array with its bands, the name of its CRS, and its transform."""
    import numpy as np

    if hasattr(reflectance, "coords"):
        coords = reflectance.coords
        if bands is None and "band" in coords:
            bands = [str(name) for name in coords["band"].values]
        if transform is None and "x" in coords and "y" in coords:
            x, y = coords["x"].values, coords["y"].values
            if len(x) > 1 and len(y) > 1:
                a, e = (x[-1] - x[0]) / (len(x) - 1), (y[-1] - y[0]) / (len(y) - 1)
                transform = (a, 0.0, x[0] - a / 2, 0.0, e, y[0] - e / 2)
        if crs is None:
            crs = reflectance.attrs.get("crs")
        if crs is None and hasattr(reflectance, "rio"):
            crs = reflectance.rio.crs
        if crs is None and "spatial_ref" in coords:
            crs = coords["spatial_ref"].attrs.get("crs_wkt")
        reflectance = reflectance.values
    for name, value in [("bands", bands), ("crs", crs), ("transform", transform)]:
        if value is None:
            raise ArgumentError(f"an array needs {name}", f"pass {name}=")
    assert bands is not None and transform is not None
    values = np.ascontiguousarray(reflectance, dtype=np.float32)
    if values.ndim != 3:
        raise ArgumentError(f"array of shape {values.shape} is not accepted: [C, H, W]")
    if len(transform) < 6:
        raise ArgumentError(f"transform `{tuple(transform)}` is not accepted: (a, b, c, d, e, f) in the order of rasterio")
    a, b, c, d, e, f = (float(number) for number in tuple(transform)[:6])
    return values, list(bands), _name_of(crs), (a, b, c, d, e, f)


def _name_of(crs: Any) -> str:
    """The name of a CRS: that of a number, a text, or an object of rasterio or pyproj."""
    if isinstance(crs, str):
        return crs
    code = crs if isinstance(crs, int) else crs.to_epsg() if hasattr(crs, "to_epsg") else None
    if code is None:
        raise ArgumentError(f"crs `{crs}` is not accepted: a name such as `EPSG:32618`, or a system with an EPSG code")
    return f"EPSG:{code}"
