"""Errors, threads, progress, Ctrl-C, data sets, and the program of the wheel."""

import os
import pickle
import signal
import subprocess
import sys
import threading
import time

import minesegsat
import numpy as np
import pytest


def test_the_program_is_on_the_path(program):
    assert program("--version").split() == ["minesegsat", minesegsat.__version__]


@pytest.mark.parametrize(
    ("work", "kind", "text", "hint"),
    [
        (lambda scene, folder: minesegsat.open_scene(folder / "no"), minesegsat.MinesegsatError, "no", None),
        (lambda scene, folder: minesegsat.open_scene(folder), minesegsat.SceneError, "cannot open scene", None),
        (lambda scene, folder: minesegsat.Model.open(folder), minesegsat.ModelError, "model", None),
        (lambda scene, folder: minesegsat.Model.open(engine="best"), ValueError, "engine `best` is not accepted", None),
        (lambda scene, folder: scene.read(["B99"]), minesegsat.ArgumentError, "B99", None),
        (lambda scene, folder: scene.read(["B02"], (0, 0, 9999, 1)), minesegsat.ArgumentError, "window", None),
        (lambda scene, folder: scene.read(["B10"]), minesegsat.SceneError, "lacks band B10", "substitute="),
        (lambda scene, folder: minesegsat.predict(scene, threshold=2.0), ValueError, "threshold `2`", None),
        (lambda scene, folder: minesegsat.predict(np.zeros((1, 8, 8))), ValueError, "an array needs bands", "bands="),
        (lambda scene, folder: minesegsat.Map.open(folder), minesegsat.FileError, "is no map", None),
        (lambda scene, folder: minesegsat.simulate(folder / "s", size=7), ValueError, "size", None),
    ],
)
def test_errors_have_a_type_a_message_and_a_hint(scene, tmp_path, work, kind, text, hint):
    with pytest.raises(kind) as caught:
        work(scene, tmp_path)
    assert text in caught.value.message
    assert (hint or "") in (caught.value.hint or "")
    assert pickle.loads(pickle.dumps(caught.value)).hint == caught.value.hint


def test_outputs_are_replaced_on_request_only(tmp_path, model, scene):
    model.predict(scene, tmp_path / "out")
    with pytest.raises(minesegsat.OutputExistsError) as caught:
        model.predict(scene, tmp_path / "out")
    assert "overwrite=True" in str(caught.value)
    model.predict(scene, tmp_path / "out", overwrite=True)


def test_other_threads_run_while_a_scene_is_mapped(model, scene):
    ended, turns = threading.Event(), 0

    def work():
        model.predict(scene)
        ended.set()

    thread = threading.Thread(target=work)
    thread.start()
    while not ended.is_set():
        turns += 1
        time.sleep(0.001)
    thread.join()
    assert turns > 5


def test_progress_is_reported_and_its_exceptions_stop_the_run(tmp_path, model, scene):
    reports = []
    model.predict(scene, progress=lambda *report: reports.append(report))
    assert all(isinstance(stage, str) and done >= 0 and total >= 0 for stage, done, total in reports)

    class Enough(Exception):
        pass

    def stop(*_):
        raise Enough

    with pytest.raises(Enough):
        minesegsat.simulate(tmp_path / "sim", size=1152, progress=stop)
    assert not (tmp_path / "sim" / "catalog.json").exists()


def test_ctrl_c_stops_a_run(tmp_path):
    # A shell that started the tests in the background made them ignore the signal.
    heed = "signal.signal(signal.SIGINT, signal.default_int_handler)"
    code = f"import signal, sys, minesegsat; {heed}; print('started', flush=True); minesegsat.simulate(sys.argv[1], size=5490)"
    run = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "sim")], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert run.stdout is not None and run.stdout.readline() == "started\n"
    time.sleep(0.5)
    run.send_signal(signal.SIGINT)
    _, errors = run.communicate(timeout=120)
    assert "KeyboardInterrupt" in errors, errors
    assert not (tmp_path / "sim" / "catalog.json").exists()


def test_a_simulation_of_many_dates_lists_its_scenes(tmp_path):
    series = minesegsat.simulate(tmp_path / "sim", size=192, years=[2021], dates_per_year=2)
    assert len(series.scenes) == 2 and all(path.is_file() for path in series.scenes)


@pytest.fixture(scope="module")
def patches(tmp_path_factory, program, landscape):
    folder = tmp_path_factory.mktemp("set") / "set"
    program("dataset", "build", "--scenes", landscape.folder / "2021", "--labels", landscape.truth / "2021.gpkg",
            "-o", folder, "--patch-size", 96, "--negatives", 0.3, "--quiet")  # fmt: skip
    program("dataset", "split", folder, "--shares", "60,20,20", "--quiet")
    return folder


def test_a_data_set_has_arrays(patches, model):
    samples = minesegsat.PatchDataset(patches, None)
    data, mask = samples[0]
    assert data.shape == (len(samples.bands), 96, 96) and data.dtype == np.float32
    assert mask.shape == (96, 96) and mask.dtype == np.uint8
    assert set(np.unique(mask)) <= {0, 1, samples.ignore}
    scaled = minesegsat.PatchDataset(patches, None, bands=model.bands, normalisation=model.normalisation)
    raw = minesegsat.PatchDataset(patches, None, bands=model.bands)
    offset, divisor = np.float32(model.normalisation[3])
    np.testing.assert_allclose(scaled[0][0][3], (raw[0][0][3] - offset) / divisor, rtol=1e-5, atol=1e-6)
    parts = [minesegsat.PatchDataset(patches, split) for split in ("train", "val", "test", "unused")]
    assert sorted(id for part in parts for id in part.ids) == sorted(samples.ids)
    with pytest.raises(IndexError):
        samples[len(samples)]
    again = pickle.loads(pickle.dumps(samples))
    np.testing.assert_array_equal(again[-1][0], samples[len(samples) - 1][0])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_forked_workers_read_a_data_set(patches):
    import multiprocessing

    samples = minesegsat.PatchDataset(patches, None)
    expected = [samples[i][0].sum() for i in range(len(samples))]
    with multiprocessing.get_context("fork").Pool(2) as pool:
        assert pool.map_async(_sum, [(samples, i) for i in range(len(samples))]).get(timeout=60) == expected


def _sum(task):
    samples, index = task
    return samples[index][0].sum()


def test_the_loader_of_pytorch_takes_a_data_set(patches):
    data = pytest.importorskip("torch.utils.data")
    samples = minesegsat.PatchDataset(patches, None)
    samples[0]
    for workers in (0, 2):
        images, masks = next(iter(data.DataLoader(samples, batch_size=2, num_workers=workers, timeout=60 if workers else 0)))
        assert images.shape == (2, len(samples.bands), 96, 96) and masks.shape == (2, 96, 96)
        np.testing.assert_array_equal(images[1].numpy(), samples[1][0])
