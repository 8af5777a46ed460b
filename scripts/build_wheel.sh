#!/usr/bin/env bash
# Builds the wheel of the Python package. Needs a Rust toolchain and maturin 1.9.4 or newer.
#   scripts/build_wheel.sh FOLDER [PROFILE [OPTION...]]      PROFILE is `release` unless it is given; options are those of `maturin build`
set -euo pipefail
mkdir -p "${1:?usage: scripts/build_wheel.sh FOLDER [PROFILE [OPTION...]]}"
out=$(cd "$1" && pwd)
profile=${2:-release}
shift $(($# < 2 ? $# : 2))
cd "$(dirname "$0")/.."
maturin build --quiet --manifest-path crates/minesegsat-python/Cargo.toml --profile "$profile" --out "$out" "$@"
