#!/usr/bin/env bash
# Builds the wheel as the tests are built, installs it into a throw-away virtual environment, and runs the tests of the Python package,
# the examples of docs/python.md and the notebook. Checks the types with pyright.
set -euo pipefail
cd "$(dirname "$0")/.."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
pip=("$work/venv/bin/pip" install --quiet --disable-pip-version-check)
"${pip[@]}" maturin
PATH="$work/venv/bin:$PATH" scripts/build_wheel.sh "$work" dev

# The package alone first: it needs NumPy and nothing else.
"${pip[@]}" "$work"/minesegsat-*.whl
"$work/venv/bin/python" -c 'import minesegsat; print(minesegsat.Model.open())'
"${pip[@]}" pytest pyright xarray pyarrow tqdm rasterio nbclient ipykernel distributed
# The tests of the data loader need PyTorch. It is large: they are skipped where it is not installed.
PATH="$work/venv/bin:$PATH" "$work/venv/bin/python" -m pytest --quiet -p no:cacheprovider crates/minesegsat-python/tests "$@"
"$work/venv/bin/pyright" --level error --pythonpath "$work/venv/bin/python" crates/minesegsat-python/python
(cd "$work" && PATH="$work/venv/bin:$PATH" "$work/venv/bin/pyright" --verifytypes minesegsat --ignoreexternal)
