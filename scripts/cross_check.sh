#!/usr/bin/env bash
# Makes maps with the program and checks every file with rasterio, rio-cogeo, pyproj and geopandas in a throw-away
# virtual environment. Prints what differs and fails.
set -euo pipefail
cd "$(dirname "$0")/.."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check -r scripts/requirements.txt
python="$work/venv/bin/python"

# The same build as the tests', so that CI compiles nothing twice: it makes the program and the examples as well.
cargo test --quiet --workspace --no-run
target=$(cargo metadata --format-version 1 --no-deps | "$python" -c 'import json, sys; print(json.load(sys.stdin)["target_directory"])')
minesegsat="$target/debug/minesegsat"

"$target/debug/examples/make_scene" "$work/scene" 1100 2>/dev/null
"$minesegsat" model random b0 -o "$work/random" --seed 7 >/dev/null
# Random weights answer nearly the same everywhere: spread the classifier's answers, so that there are shapes.
"$python" - "$work/random" "$work/spread.safetensors" <<'PY'
import sys
from safetensors.numpy import load_file, save_file
logits = load_file(sys.argv[1] + "/forward.safetensors")["logits"]
weights = load_file(sys.argv[1] + "/model.safetensors")
weights["decoder.classifier.weight"] = weights["decoder.classifier.weight"] / logits.std()
weights["decoder.classifier.bias"] = (weights["decoder.classifier.bias"] - logits.mean()) / logits.std()
save_file(weights, sys.argv[2])
PY
"$minesegsat" model import "$work/spread.safetensors" -o "$work/model" --patch-size 256 --max-values "$(printf '0.4,%.0s' {1..11})0.4" >/dev/null
predict() { "$minesegsat" predict "$work/scene" --model "$work/model" --format gpkg,geojson,fgb,parquet --quiet "$@"; }

# The median as the threshold gives as much inside as outside.
predict -o "$work/first"
threshold=$("$python" - "$work/first/probability.tif" <<'PY'
import sys, numpy, rasterio
with rasterio.open(sys.argv[1]) as raster:
    print(float(numpy.nanmedian(raster.read(1))))
PY
)
predict -o "$work/four" --threshold "$threshold"
predict -o "$work/eight" --threshold "$threshold" --connectivity 8 --min-area 5000
predict -o "$work/window" --threshold "$threshold" --bbox -122.97,54.08,-122.90,54.12
predict -o "$work/empty" --threshold 1
"$python" scripts/cross_check.py "$work"/{four,eight,window,empty}

for region in boreal arid tropical; do
    "$minesegsat" simulate -o "$work/sim-$region" --region "$region" --size 600 --seed 3 --quiet
done
"$minesegsat" simulate -o "$work/sim-dates" --region tropical --size 600 --seed 3 --years 2021,2022 --dates-per-year 3 --quiet
"$python" scripts/cross_check_simulate.py --quiet "$work"/sim-{boreal,arid,tropical,dates}

truth="$work/sim-boreal/truth/2021.gpkg"
"$minesegsat" dataset build --scenes "$work/sim-boreal/2021" --labels "$truth" -o "$work/set" --patch-size 96 --negatives 0.3 --quiet
"$minesegsat" dataset split "$work/set" --shares 60,20,20
"$minesegsat" dataset stats "$work/set" --quiet
"$python" scripts/cross_check_dataset.py "$work/set" "$(dirname "$work"/sim-boreal/2021/*/B02.tif)" "$truth"

# Exported networks, in the runtimes that other programs use.
"$python" scripts/compare_onnx.py "$minesegsat" --quick
