#!/usr/bin/env bash
# Tests the files of the program and the plugin in QGIS, without a window: maps a simulated landscape, opens and draws the layers, edits a
# register as a person does, and runs the tools of the plugin.
# Needs QGIS 3.22 or later with its Python (Debian: qgis, python3-qgis, qgis-providers). MINESEGSAT names the program, PYTHON the Python
# of QGIS. Usage: scripts/check_qgis.sh [FOLDER FOR PICTURES]
set -euo pipefail
cd "$(dirname "$0")/.."
program=$(realpath "${MINESEGSAT:-${CARGO_TARGET_DIR:-target}/debug/minesegsat}")
python=${PYTHON:-/usr/bin/python3}
export QT_QPA_PLATFORM=offscreen
if ! "$python" -c 'import qgis.core' 2>/dev/null; then
  echo "$python cannot import qgis.core. Install QGIS with its Python (Debian: apt-get install qgis python3-qgis qgis-providers)," \
    "or name the Python of QGIS with PYTHON." >&2
  exit 1
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
pictures=${1:-$work/pictures}
mkdir -p "$pictures" "$work/mines" "$work/profile"
"$program" -q simulate -o "$work/sim" --size 384 --years 2020,2022 --seed 31 --cloud-cover 2
"$python" - "$work" <<'PYTHON'
import json, pathlib, sys
work = pathlib.Path(sys.argv[1])
west, south, east, north = json.loads(next((work / "sim/2020").glob("*/item.json")).read_text())["bbox"]
x, y = (west + east) / 2, (south + north) / 2
w, s, e, n = x + (west - x) * 0.7, y + (south - y) * 0.7, x + (east - x) * 0.7, y + (north - y) * 0.7
ring = [[w, s], [e, s], [e, n], [w, n], [w, s]]
feature = {"type": "Feature", "properties": {"name": "West pit"}, "geometry": {"type": "Polygon", "coordinates": [ring]}}
(work / "sites.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
PYTHON
"$program" -q sites import "$work/sites.geojson" --register "$work/mines/sites.gpkg"
QGIS_CUSTOM_CONFIG_PATH="$work/profile" "$python" qgis/tests/check.py "$program" "$work" "$pictures"
