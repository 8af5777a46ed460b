"""Large areas on Dask: two workers, one of them killed, make the maps that one worker makes."""

import hashlib
import json
import os
import signal
import threading
import time
from pathlib import Path

import minesegsat
import minesegsat.area
import pytest

distributed = pytest.importorskip("distributed")


@pytest.fixture(scope="module")
def items(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Items of four dates of a landscape."""
    folder = tmp_path_factory.mktemp("dates")
    landscape = minesegsat.simulate(folder / "sim", seed=3, size=384, years=[2021], dates_per_year=4)
    features = []
    for path in landscape.scenes:
        item = json.loads(path.read_text())
        for asset in item["assets"].values():
            asset["href"] = str(path.parent / asset["href"].removeprefix("./"))
        features.append(item)
    collection = folder / "items.json"
    collection.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return collection


def plan(program, items: Path, project: Path) -> None:
    west, south, east, north = json.loads(items.read_text())["features"][0]["bbox"]
    inset = 0.002
    box = f"{west + inset},{south + inset},{east - inset},{north - inset}"
    program("area", "plan", "--bbox", box, "--period", "2021", "--every", "month", "--api", items, "-o", project, "-q")


def maps(project: Path) -> dict[str, str]:
    paths = sorted(project.glob("units/*/*.tif"))
    return {str(path.relative_to(project)): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def test_two_workers_of_dask_one_of_them_killed_make_the_maps_of_one(program, items, tmp_path):
    one, many = tmp_path / "one", tmp_path / "many"
    plan(program, items, one)
    plan(program, items, many)
    assert len(minesegsat.area.units(one)) >= 3
    program("area", "run", one, "-q")
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
    ):
        killed = threading.Event()

        def kill_one() -> None:
            while not any("running" in path.read_text() for path in many.glob("units/*/record.json")):
                time.sleep(0.02)
            os.kill(next(iter(client.run(os.getpid).values())), signal.SIGKILL)
            killed.set()

        killer = threading.Thread(target=kill_one, daemon=True)
        killer.start()
        found = minesegsat.area.run_dask(client, many)
        killer.join(timeout=60)
        assert killed.is_set()
        assert {unit["record"]["state"] for unit in found} == {"done"}
        assert maps(many) == maps(one) and len(maps(one)) >= 6

        # A map that is gone is made again, and a unit that cannot be mapped is named.
        gone = next(one.glob("units/*/probability.tif"))
        gone.unlink()
        scenes = gone.parent / "items.json"
        scenes.write_text(scenes.read_text().replace(str(items.parent / "sim"), str(items.parent / "lost")))
        with pytest.raises(minesegsat.area.UnitError, match=f"1 of .* {gone.parent.name}"):
            minesegsat.area.run_dask(client, one, retries=0, arguments=["--tries", "1"])
