"""Maps land that mining has disturbed, from Sentinel-2 imagery.

>>> import minesegsat
>>> scene = minesegsat.open_scene("S2B_MSIL2A_20210710T190919_N0301_R056_T10UFV_20210710T213102.SAFE")  # doctest: +SKIP
>>> found = minesegsat.Model.open().predict(scene)  # doctest: +SKIP
>>> found.hectares, found.probability.shape, found.crs  # doctest: +SKIP
(12.3, (10980, 10980), 'EPSG:32610')

Arrays are `[H, W]` or `[C, H, W]`. Transforms are in the order of rasterio: (a, b, c, d, e, f). Boxes are west, south, east, north in
degrees. Long functions release the GIL, show their progress with tqdm if it is installed, and end soon after Ctrl-C.
"""

from ._minesegsat import Scene, __version__
from .dataset import PatchDataset
from .errors import (
    ArgumentError,
    CrsError,
    FileError,
    InUseError,
    MinesegsatError,
    ModelError,
    OutputExistsError,
    RemoteError,
    SceneError,
)
from .maps import Change, Hectares, Map, Polygons, change
from .model import Model, predict
from .scenes import Simulation, open_scene, simulate

__all__ = [
    "ArgumentError",
    "Change",
    "CrsError",
    "FileError",
    "Hectares",
    "InUseError",
    "Map",
    "MinesegsatError",
    "Model",
    "ModelError",
    "OutputExistsError",
    "PatchDataset",
    "Polygons",
    "RemoteError",
    "Scene",
    "SceneError",
    "Simulation",
    "__version__",
    "change",
    "open_scene",
    "predict",
    "simulate",
]
