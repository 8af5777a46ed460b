#!/usr/bin/env bash
# Makes `models/simulated-b0` again, from nothing: landscapes of all regions, one data set, training, and the metrics on
# landscapes of other seeds. Usage: scripts/train_shipped_model.sh WORK [DEVICE]; needs the released program. About an hour on two
# cores.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$1
device=${2:-cpu}
program=${MINESEGSAT:-target/release/minesegsat}
mkdir -p "$work"

# Landscape NAME of REGION and SEED as a data set of patches; one of `test` is all test.
landscape() {
    local name=$1 region=$2 seed=$3 part=$4
    [ -f "$work/sets/$name/dataset_splits.csv" ] && return
    rm -rf "$work/sim/$name"
    "$program" -q simulate -o "$work/sim/$name" --region "$region" --seed "$seed" --years "$5" --size 1536 --cloud-cover 2
    "$program" -q dataset build --scenes "$work/sim/$name/$5" --labels "$work/sim/$name/truth/$5.gpkg" -o "$work/sets/$name" \
        --patch-size 240 --negatives 0.3 --title "$name"
    "$program" -q dataset split "$work/sets/$name" --shares 85,15,0 > /dev/null
    if [ "$part" = test ]; then
        # The landscape as a whole is held back: no patch of it is learned from or chosen by.
        sed -i '2,$ s/^[a-z]*,/test,/' "$work/sets/$name/dataset_splits.csv"
    fi
    echo "made $name"
}

for region in boreal arid tropical; do
    for seed in 11 12 13; do
        landscape "$region-$seed" "$region" "$seed" train $((2018 + seed % 6))
    done
    landscape "$region-91" "$region" 91 test 2022
done
"$program" -q dataset merge "$work"/sets/*-* -o "$work/sets" --title "Simulated landscapes of three regions" --overwrite
"$program" -q dataset stats "$work/sets" > /dev/null
"$program" dataset info "$work/sets"

resume=()
[ -f "$work/run/config.toml" ] && resume=(--resume)
"$program" train -c configs/simulated_b0.toml --dataset "$work/sets" --device "$device" -o "$work/run" "${resume[@]}"
rm -rf "$work/model" "$work/evaluation"
cp -r "$work/run/best" "$work/model"
"$program" calibrate --model "$work/model" --dataset "$work/sets"
"$program" evaluate --model "$work/model" --dataset "$work/sets" --split test -o "$work/evaluation"
# What a user of the card wants to know: how good it is where it has not learned.
python3 - "$work/model/model.json" "$work/evaluation/metrics.json" <<'PY'
import json, sys
card, found = (json.load(open(path)) for path in sys.argv[1:])
names = ["f1", "precision", "recall", "iou", "ece"]
card["metrics"]["test"] = {"on": "landscapes of seeds that it has not seen, one of each region"} | {n: found["metrics"][n] for n in names}
json.dump(card, open(sys.argv[1], "w"), indent=2)
PY
"$program" model verify "$work/model"
