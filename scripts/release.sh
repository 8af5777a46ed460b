#!/usr/bin/env bash
# Makes everything of a release for the machine that it runs on:
#   minesegsat-VERSION-TARGET.tar.xz   program with the map page and the model, completions, manual pages, licences; .zip on Windows
#   minesegsat_VERSION-1_ARCH.deb      Debian and Ubuntu (on Debian and Ubuntu only)
#   minesegsat-VERSION-*.whl           Python package
#   minesegsat-VERSION-TARGET.cdx.json SBOM (CycloneDX)
#   SHA256SUMS, SHA256SUMS.minisig     checksums, and their signature if there is a key
#
#   scripts/release.sh OUT_DIR [--key FILE | --test-key] [--no-wheel] [--binary FILE] [--wheel FILE] [--level N] [--allow-dirty]
#
#   --key, --test-key   see scripts/sign_release.sh, which also describes the variables for a key
#   --binary FILE       pack this program instead of compiling one
#   --wheel FILE        take this wheel instead of building one; --no-wheel makes none
#   --level N           effort of the compression, 0 to 9; default: 6
#   --allow-dirty       also release a checkout with changes that are not committed
#
# Needs: Rust, a C compiler, Node.js 20.19 or later with npm, Python 3.11, and `pip install 'maturin>=1.9.4,<2'`. On Linux also
# `pip install cargo-zigbuild ziglang`: the program is linked against an old glibc and runs on all distributions since 2014. A
# Debian package needs dpkg-dev, a signature minisign.
#
# OUT_DIR must not exist. It appears when everything in it is complete. Archives of the same program and commit are equal byte for byte.
set -euo pipefail
usage="usage: scripts/release.sh OUT_DIR [--key FILE | --test-key] [--no-wheel] [--binary FILE] [--wheel FILE] [--level N] [--allow-dirty]"
glibc=2.17
binary='' compiled='' wheel=build level=6 allow_dirty='' out=''
sign_options=(--)
absolute() { printf '%s/%s\n' "$(cd "$(dirname "$1")" && pwd)" "$(basename "$1")"; }
fail() { echo "error: $1" >&2; exit "${2:-1}"; }
while [ $# -gt 0 ]; do
    case $1 in
    --key) sign_options=(--key "$(absolute "${2:?$usage}")"); shift ;;
    --test-key) sign_options=(--test-key) ;;
    --no-wheel) wheel=none ;;
    --wheel) wheel=$(absolute "${2:?$usage}"); shift ;;
    --binary) binary=$(absolute "${2:?$usage}"); shift ;;
    --level) level=${2:?$usage}; shift ;;
    --allow-dirty) allow_dirty=yes ;;
    -*) fail "unknown option \`$1\`; $usage" 2 ;;
    *) [ -z "$out" ] || fail "one OUT_DIR only, not \`$out\` and \`$1\`; $usage" 2; out=$1 ;;
    esac
    shift
done
[ -n "$out" ] || fail "no OUT_DIR; $usage" 2
[ ! -e "$out" ] || fail "$out exists already"
case $level in [0-9]) ;; *) fail "--level \`$level\` is not accepted: 0 to 9" 2 ;; esac
mkdir -p "$(dirname "$out")"
out=$(absolute "$out")
cd "$(dirname "$0")/.."

# What is missing is said at once, not after the compilation.
# Windows has a `python3` that only opens its store.
if python3 --version > /dev/null 2>&1; then python=python3; else python=python; fi
system=$(uname -s)
missing=()
need() { command -v "$1" > /dev/null || missing+=("$1${2:+ ($2)}"); }
need cargo
need "$python"
need npm
if [ -z "$binary" ] && [ "$system" = Linux ]; then need cargo-zigbuild "pip install cargo-zigbuild ziglang"; fi
if [ "$wheel" = build ]; then need maturin "pip install maturin"; fi
if command -v dpkg-deb > /dev/null; then need dpkg-shlibdeps "apt-get install dpkg-dev"; fi
if [ "${sign_options[0]}" != -- ] || [ -n "${MINISIGN_SECRET_KEY:-}" ]; then need minisign; fi
[ ${#missing[@]} = 0 ] || fail "not found: $(printf '%s; ' "${missing[@]}")"
[ -n "$allow_dirty" ] || [ -z "$(git status --porcelain)" ] || fail "the checkout has changes that are not committed; --allow-dirty releases them"

SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH
target=$(rustc -vV | sed -n 's/^host: //p')
version=$(cargo metadata --no-deps --locked --format-version 1 \
    | "$python" -c 'import json, sys; print(next(p["version"] for p in json.load(sys.stdin)["packages"] if p["name"] == "minesegsat-cli"))')
# Git for Windows ends lines of Python in CR LF.
version=${version%$'\r'}
name=minesegsat-$version-$target
program=minesegsat
case $system in MINGW* | MSYS* | CYGWIN*) program=minesegsat.exe ;; esac
work=$(mktemp -d "$(dirname "$out")/.release.XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir "$work/out"
step() { printf '== %s (%ss)\n' "$1" "$SECONDS"; }

step "map page"
(cd web && npm ci --no-audit --no-fund --loglevel=error)
if [ -z "$binary" ] || [ "$wheel" = build ]; then
    (cd web && npm run build > /dev/null)
    # No path of this machine is in the program.
    cargo_home=${CARGO_HOME:-$HOME/.cargo}
    export RUSTFLAGS="${RUSTFLAGS:-} --remap-path-prefix=$PWD=/minesegsat --remap-path-prefix=$cargo_home=/cargo"
    [ "$program" = minesegsat.exe ] || export CFLAGS="${CFLAGS:-} -ffile-prefix-map=$cargo_home=/cargo"
fi
if [ -z "$binary" ]; then
    step "program"
    if [ "$system" = Linux ]; then
        cargo zigbuild --quiet --release --locked -p minesegsat-cli --target "$target.$glibc"
    else
        cargo build --quiet --release --locked -p minesegsat-cli --target "$target"
    fi
    binary=${CARGO_TARGET_DIR:-target}/$target/release/$program
    compiled=yes
fi
folder=$work/$name
mkdir -p "$folder/completions"
cp "$binary" "$folder/$program"
if [ "$system" = Linux ]; then
    # Release builds have no symbols; other programs given by --binary may have.
    strip "$folder/$program"
    needed=$(objdump -T "$folder/$program" | grep -o 'GLIBC_[0-9.]*' | sort -Vu | tail -n 1)
    echo "needs glibc ${needed#GLIBC_} or newer"
    if [ -n "$compiled" ] && [ "$(printf '%s\n' "GLIBC_$glibc" "$needed" | sort -V | tail -n 1)" != "GLIBC_$glibc" ]; then
        fail "the program needs glibc ${needed#GLIBC_}, not $glibc as the oldest"
    fi
fi

step "$name"
run=$folder/$program
[ "$("$run" --version | tr -d '\r')" = "minesegsat $version" ] || fail "$binary is $("$run" --version), not minesegsat $version"
# `doctor` fails if something else is missing on this machine; only its line on the page counts.
("$run" doctor --offline --json || true) | "$python" -c '
import json, sys
page = next(finding for finding in json.load(sys.stdin) if finding["what"] == "map page")
if not page["good"]:
    sys.exit("error: the program has no map page: " + page["found"])'
"$run" completions bash > "$folder/completions/minesegsat.bash"
"$run" completions zsh > "$folder/completions/_minesegsat"
"$run" completions fish > "$folder/completions/minesegsat.fish"
"$run" completions powershell > "$folder/completions/_minesegsat.ps1"
"$run" man --quiet --output "$folder/man/man1"
cp LICENSE-APACHE LICENSE-MIT CHANGELOG.md "$folder"
"$python" scripts/make_sbom.py "$work/out/$name.cdx.json" --target "$target" --notices "$folder/THIRD-PARTY.txt"
ending=tar.xz
[ "$program" = minesegsat ] || ending=zip
"$python" scripts/pack_release.py "$folder" "$work/out/$name.$ending" --level "$level"

if command -v dpkg-deb > /dev/null; then
    step "Debian package"
    DEB_COMPRESSION_LEVEL=$level scripts/make_deb.sh "$folder" "$version" "$work/out"
fi

case $wheel in
none) ;;
build)
    step "wheel"
    if [ "$system" = Linux ]; then
        scripts/build_wheel.sh "$work/out" release --zig --target "$target" --compatibility manylinux2014
    else
        scripts/build_wheel.sh "$work/out" release
    fi
    ;;
*) cp "$wheel" "$work/out" ;;
esac

step "checksums"
scripts/sign_release.sh "$work/out" "${sign_options[@]}"
mv "$work/out" "$out"
step "done"
(cd "$out" && ls -l)
