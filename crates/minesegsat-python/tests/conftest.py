"""What the tests share: a simulated landscape of two years, its map, and the program of the wheel."""

import os
import subprocess
import sys
from pathlib import Path

import minesegsat
import pytest

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="session")
def program():
    """Runs the program that the wheel puts on the path."""
    path = Path(sys.executable).parent / "minesegsat"

    def run(*arguments: object) -> str:
        command = [str(path), *map(str, arguments)]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    return run


@pytest.fixture(scope="session")
def landscape(tmp_path_factory: pytest.TempPathFactory) -> minesegsat.Simulation:
    folder = tmp_path_factory.mktemp("landscape") / "sim"
    return minesegsat.simulate(folder, seed=7, size=384, cloud_cover=0)


@pytest.fixture(scope="session")
def model() -> minesegsat.Model:
    return minesegsat.Model.open()


@pytest.fixture(scope="session")
def scene(landscape: minesegsat.Simulation) -> minesegsat.Scene:
    return minesegsat.open_scene(landscape.scenes[0])


@pytest.fixture(scope="session")
def mapped(model: minesegsat.Model, scene: minesegsat.Scene) -> minesegsat.Map:
    return model.predict(scene)


@pytest.fixture(scope="session")
def reference() -> Path:
    """A real scene, if it is there."""
    data = Path(os.environ.get("MINESEGSAT_DATA", ROOT.parent / "shared" / "data"))
    scene = data / "sentinel2_l1c_18SVG_20160112"
    if not scene.exists():
        pytest.skip(f"{scene} is not there")
    return scene
