"""Scenes: real ones and simulated ones."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from . import _minesegsat
from ._folder import PathLike
from ._minesegsat import Scene
from ._progress import Progress, shown

CloudMask = Literal["scl", "pixels", "none"]
Region = Literal["boreal", "arid", "tropical"]


def open_scene(
    location: PathLike,
    *,
    bands: Sequence[str] | None = None,
    substitute: Mapping[str, str] | None = None,
    offset: float | None = None,
    scale: float | None = None,
    nodata: Sequence[float] | None = None,
    mask_snow: bool = False,
    cloud_mask: CloudMask | None = None,
    tile: str | None = None,
) -> Scene:
    """Opens a scene: a folder, a `.SAFE`, a `.zip`, a `.tif`, or a STAC item (file or address).

    :param bands: bands of a GeoTIFF in the order of the file
    :param substitute: for each missing band the one that replaces it: `{"B8A": "B08"}`
    :param offset: added to digital numbers before scaling; overrides the metadata
    :param scale: reflectance of one digital number; overrides the metadata
    :param nodata: numbers that mean missing pixels, if the files do not say
    :param mask_snow: whether snow is not assessable
    :param cloud_mask: what decides where cloud is; by default the scene classification, else the pixels
    :param tile: MGRS tile of an old product with several tiles
    :raises SceneError: the location is no scene, or its radiometric offset cannot be determined
    """
    pairs = list((substitute or {}).items())
    return _minesegsat.open_scene(
        os.fspath(location), bands, pairs, offset, scale, nodata, mask_snow, cloud_mask, tile
    )


class Simulation:
    """Simulated scenes and their truth."""

    def __init__(self, folder: Path, summary: dict[str, Any]) -> None:
        #: Folder of the files.
        self.folder = folder
        #: The whole record, as in `truth/summary.json`.
        self.summary = summary

    @property
    def scenes(self) -> list[Path]:
        """Item of each scene, for `open_scene`, in the order of time."""
        dates = self.summary.get("years") or self.summary.get("dates", [])
        return [self.folder / str(date["year"]) / date["item"] / "item.json" for date in dates]

    @property
    def truth(self) -> Path:
        """Folder of the ground truth: `2021.gpkg`, `2021_mask.tif` and so on."""
        return self.folder / "truth"


def simulate(
    output: PathLike,
    *,
    seed: int = 0,
    region: Region = "boreal",
    years: Sequence[int] = (2021, 2022),
    size: int = 2304,
    sites: int | None = None,
    cloud_cover: float = 4.0,
    dates_per_year: int | None = None,
    overwrite: bool = False,
    progress: Progress = None,
) -> Simulation:
    """Simulates scenes of a landscape with mines, with their exact truth. The same arguments give the same bytes.

    :param years: one scene for each, 2016 to 2035
    :param size: width and height in pixels of 10 m, a multiple of 6 from 192 on
    :param sites: number of mines; by default about 4 % of the land is mined
    :param cloud_cover: percent of a scene
    :param dates_per_year: several dates of one ground truth that changes from day to day
    """
    with shown(progress, "simulating") as report:
        record = _minesegsat.simulate(
            output, seed, region, list(years), size, sites, cloud_cover, dates_per_year, overwrite, report
        )
    return Simulation(Path(output), json.loads(record))
