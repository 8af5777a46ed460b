#!/usr/bin/env bash
# Checks a server with the tools of the field: openapi-spec-validator, stac-api-validator (core, collections, features,
# item-search) and schemathesis.
# Needs Python 3 with venv, and a network for the schemas that the validator loads. Usage: scripts/check_api.sh [PORT]
set -euo pipefail
cd "$(dirname "$0")/.."
port=${1:-8089}
token=0123456789abcdef-check
venv=${VENV:-${CARGO_TARGET_DIR:-target}/venv-api}
root="http://127.0.0.1:$port"

if [ ! -x "$venv/bin/openapi-spec-validator" ]; then
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet schemathesis stac-api-validator openapi-spec-validator
fi
# The same build as the tests', so that CI compiles nothing twice: it makes the examples as well.
cargo test --quiet --workspace --no-run
"${CARGO_TARGET_DIR:-target}/debug/examples/serve_fixture" "127.0.0.1:$port" "$token" &
server=$!
trap 'kill "$server" 2>/dev/null || true' EXIT
for _ in $(seq 50); do curl --silent --fail "$root/health" >/dev/null && break; sleep 0.2; done

curl --silent --fail "$root/openapi.json" | "$venv/bin/openapi-spec-validator" -
area='{"type":"Polygon","coordinates":[[[-122,55],[-121,55],[-121,56],[-122,56],[-122,55]]]}'
"$venv/bin/python" scripts/check_stac.py "$root"
"$venv/bin/python" scripts/check_stac_api.py --root-url "$root/stac" \
  --conformance core --conformance collections --conformance features --conformance item-search \
  --collection scenes --geometry "$area"
"$venv/bin/schemathesis" run "$root/openapi.json" --url "$root" --header "Authorization: Bearer $token" \
  --checks not_a_server_error,response_schema_conformance,status_code_conformance,content_type_conformance \
  --max-examples "${EXAMPLES:-50}" --exclude-path-regex 'events$'
