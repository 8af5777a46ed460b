#!/usr/bin/env bash
# Tests the map page in the built program: a simulated landscape whose mines are watched over three years, served with a model and a
# token, and the browser tests of web/ on it. Needs Node.js 20.19 or later and Chromium; web/dist must have been built before the
# program. Usage: scripts/check_page.sh [PORT]; MINESEGSAT names the program.
set -euo pipefail
cd "$(dirname "$0")/.."
port=${1:-8091}
program=${MINESEGSAT:-${CARGO_TARGET_DIR:-target}/debug/minesegsat}
program=$(realpath "$program")
work=$(mktemp -d)
server=
trap 'if [ -n "$server" ]; then kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; fi; rm -rf "$work"' EXIT

"$program" -q simulate -o "$work/sim" --size 768 --years 2020,2021,2022 --seed 31 --cloud-cover 2
python3 - "$work" <<'PYTHON'
import json, pathlib, sys
work = pathlib.Path(sys.argv[1])
item = json.loads(next((work / "sim/2020").glob("*/item.json")).read_text())
west, south, east, north = item["bbox"]
x, y = (west + east) / 2, (south + north) / 2
west, south, east, north = (x + (west - x) * 0.7, y + (south - y) * 0.7, x + (east - x) * 0.7, y + (north - y) * 0.7)
boxes = {"West pit": (west, south, x, north), "East pit": (x, south, east, north)}
features = [
    {"type": "Feature", "properties": {"name": name, "commodity": "coal"}, "geometry": {"type": "Polygon", "coordinates": [[[w, s], [e, s], [e, n], [w, n], [w, s]]]}}
    for name, (w, s, e, n) in boxes.items()
]
(work / "sites.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": features}))
PYTHON
mkdir "$work/mines"
register=$work/mines/sites.gpkg
"$program" -q sites import "$work/sites.geojson" --register "$register"
"$program" -q sites permit west-pit P-1 --valid-from 2019-01-01 --limit "60 ha" --register "$register"
# 4 and 5 are verdicts and no failures.
"$program" -q monitor run --every-date --max-cloud-cover 100 --min-assessed 50 --buffer 300 --register "$register" --model models/b0 \
  --api "$work/sim/catalog.json" || [ $? -ge 4 ]
head -c 16 /dev/urandom | od -An -tx1 | tr -d ' \n' > "$work/token"
"$program" -q evidence keygen --no-password -o "$work/key" > "$work/keys"
"$program" -q serve --workspace "$work/mines" --bind "127.0.0.1:$port" --token-file "$work/token" --key "$work/key" --model models/b0 \
  --api "$work/sim/catalog.json" &
server=$!
for _ in $(seq 100); do curl --silent --fail "http://127.0.0.1:$port/health" > "$work/health" && break; sleep 0.2; done
grep -q ok "$work/health"
cd web
MINESEGSAT_URL="http://127.0.0.1:$port" MINESEGSAT_TOKEN=$(cat "$work/token") node tests/run.mjs browser
