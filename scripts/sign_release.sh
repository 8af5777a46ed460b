#!/usr/bin/env bash
# Writes SHA256SUMS for the files of a folder, and SHA256SUMS.minisig if there is a key. One signature covers all files.
#   scripts/sign_release.sh FOLDER [--key FILE | --test-key]
# The secret key of minisign is in FILE, or in the variable MINISIGN_SECRET_KEY (the two lines of such a file). Its password, if it has one,
# is in MINISIGN_PASSWORD. A key whose public half is not that of deploy/minisign.pub is refused, if that file exists.
# `--test-key` makes a key, signs, verifies and forgets the key: for tests. SHA256SUMS.minisig of such a run proves nothing to others.
set -euo pipefail
usage="usage: scripts/sign_release.sh FOLDER [--key FILE | --test-key]"
folder=$(cd "${1:?$usage}" && pwd)
shift
key='' test_key=''
while [ $# -gt 0 ]; do
    case $1 in
    --key) key=$(cd "$(dirname "${2:?$usage}")" && pwd)/$(basename "$2"); shift 2 ;;
    --test-key) test_key=yes; shift ;;
    --) shift ;;
    *) echo "error: unknown option \`$1\`; $usage" >&2; exit 2 ;;
    esac
done
root=$(cd "$(dirname "$0")/.." && pwd)
secrets=$(mktemp -d)
trap 'rm -rf "$secrets"' EXIT
cd "$folder"

if command -v sha256sum > /dev/null; then sum=(sha256sum); else sum=(shasum -a 256); fi
rm -f SHA256SUMS SHA256SUMS.minisig
# `*` sorts by the locale; hidden files, which are not complete, are left out.
export LC_ALL=C
files=(*)
[ -f "${files[0]}" ] || { echo "error: no files in $folder" >&2; exit 1; }
"${sum[@]}" -- "${files[@]}" > "$secrets/SHA256SUMS"
mv "$secrets/SHA256SUMS" SHA256SUMS

if [ -n "$test_key" ]; then
    [ -z "$key" ] || { echo "error: --key and --test-key exclude each other" >&2; exit 2; }
    key=$secrets/test.key
    minisign -G -W -f -p "$secrets/test.pub" -s "$key" > /dev/null
elif [ -z "$key" ] && [ -n "${MINISIGN_SECRET_KEY:-}" ]; then
    key=$secrets/environment.key
    (umask 077 && printf '%s\n' "$MINISIGN_SECRET_KEY" > "$key")
fi
if [ -z "$key" ]; then
    echo "SHA256SUMS is not signed: no key; --key FILE or MINISIGN_SECRET_KEY names one" >&2
    exit 0
fi
# With the password on stdin, an empty line if there is none, minisign never waits for a terminal.
sign() { printf '%s\n' "${MINISIGN_PASSWORD:-}" | minisign "$@" > "$secrets/log" 2>&1 || { cat "$secrets/log" >&2; exit 1; }; }
sign -R -f -s "$key" -p "$secrets/key.pub"
if [ -z "$test_key" ] && [ -f "$root/deploy/minisign.pub" ] \
    && [ "$(tail -n 1 "$root/deploy/minisign.pub")" != "$(tail -n 1 "$secrets/key.pub")" ]; then
    echo "error: the key is not the one whose public half is in deploy/minisign.pub" >&2
    exit 1
fi
sign -S -s "$key" -m SHA256SUMS -x "$secrets/SHA256SUMS.minisig" -c "signature of a release of MineSegSAT" -t "MineSegSAT, ${#files[@]} files"
minisign -V -q -p "$secrets/key.pub" -m SHA256SUMS -x "$secrets/SHA256SUMS.minisig"
mv "$secrets/SHA256SUMS.minisig" SHA256SUMS.minisig
echo "SHA256SUMS is signed with the key $(tail -n 1 "$secrets/key.pub")${test_key:+, made for this test}"
