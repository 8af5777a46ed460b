#!/usr/bin/env bash
# Checks licences, sources and known vulnerabilities of all dependencies by deny.toml. Uses `cargo deny` where it is installed
# (`cargo install cargo-deny --locked`), and the lists of scripts/check_licences.py otherwise. The database of advisories is fetched
# from the network; where that fails, the step says so.
set -euo pipefail
cd "$(dirname "$0")/.."
if ! cargo deny --version > /dev/null 2>&1; then
    echo "cargo deny is not installed: licences and sources are checked by scripts/check_licences.py, advisories are not checked"
    exec python3 scripts/check_licences.py
fi
cargo deny check licenses bans sources
if cargo deny fetch > /dev/null 2>&1; then
    cargo deny check advisories
else
    echo "the database of advisories cannot be fetched: advisories are not checked"
fi
