#!/usr/bin/env bash
# Builds the wheel of the Python package. Needs a Rust toolchain and maturin 1.9.4 or newer.
#   scripts/build_wheel.sh FOLDER [PROFILE]      PROFILE is `release` unless it is given
set -euo pipefail
out=$(realpath -m "${1:?usage: scripts/build_wheel.sh FOLDER [PROFILE]}")
cd "$(dirname "$0")/.."
maturin build --quiet --manifest-path crates/minesegsat-python/Cargo.toml --profile "${2:-release}" --out "$out"
