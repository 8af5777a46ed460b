#!/usr/bin/env bash
# Builds the wheel of the Python package: the extension module and the program. Needs a Rust toolchain and maturin 1.9.4 or newer.
#   scripts/build_wheel.sh FOLDER [PROFILE]      PROFILE is `release` unless it is given
set -euo pipefail
out=$(realpath -m "${1:?usage: scripts/build_wheel.sh FOLDER [PROFILE]}")
profile=${2:-release}
cd "$(dirname "$0")/.."
crate=crates/minesegsat-python

cargo build --quiet --locked --package minesegsat-cli --profile "$profile"
target=$(cargo metadata --format-version 1 --no-deps | python3 -c 'import json, sys; print(json.load(sys.stdin)["target_directory"])')
case $profile in dev) built=debug ;; *) built=$profile ;; esac
# What lies in `<package>.data/scripts` is installed beside `python`.
mkdir -p "$crate/minesegsat.data/scripts"
cp "$target/$built/minesegsat" "$crate/minesegsat.data/scripts/"
strip "$crate/minesegsat.data/scripts/minesegsat" || true
maturin build --quiet --manifest-path "$crate/Cargo.toml" --profile "$profile" --out "$out"
