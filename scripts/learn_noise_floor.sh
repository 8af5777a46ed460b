#!/usr/bin/env bash
# Learns a model's noise floor from simulated landscapes whose mines stay as they were, in two years with their own seasons, light, air and
# processing baselines; sites are the mines and 200 m around them. Needs rasterio and scipy. Usage: scripts/learn_noise_floor.sh WORK MODEL [SEEDS]; changes the model's card. MINESEGSAT names the program.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$1
model=$2
seeds=${3:-8}
program=${MINESEGSAT:-target/release/minesegsat}
mkdir -p "$work"

landscape() {
    local at="$work/$1-$2"
    [ -f "$at/change/manifest.json" ] && return
    rm -rf "$at"
    "$program" -q simulate -o "$at/sim" --region "$1" --seed "$2" --years 2021,2022 --mines-of 2021 --size 768
    for year in 2021 2022; do
        "$program" -q predict "$at/sim/$year"/*/item.json --model "$model" -o "$at/$year"
    done
    scripts/sites_around_mines.py "$at/sim/truth/2021_mask.tif" "$at/sites.geojson"
    "$program" -q change "$at/2021" "$at/2022" --sites "$at/sites.geojson" --model "$model" --without-change-head -o "$at/change-by-rules"
    "$program" -q change "$at/2021" "$at/2022" --sites "$at/sites.geojson" --model "$model" -o "$at/change"
}
export -f landscape
export work model program
for region in boreal arid tropical; do
    for seed in $(seq 4001 $((4000 + seeds))); do
        echo "$region $seed"
    done
done | xargs -P "$(nproc)" -L 1 bash -c 'landscape "$0" "$1"'
# Rules and change head have their own floors.
"$program" noise-floor "$work"/*/change-by-rules --model "$model"
if grep -q '"change_head"' "$model/model.json"; then
    "$program" noise-floor "$work"/*/change --model "$model"
fi
