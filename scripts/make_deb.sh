#!/usr/bin/env bash
# Makes the Debian package from the folder that scripts/release.sh also packs into the archive.
#   SOURCE_DATE_EPOCH=SECONDS scripts/make_deb.sh FOLDER VERSION OUT_DIR
# DEBFULLNAME and DEBEMAIL name the maintainer, as for all tools of Debian; default: the author of the commit. DEB_COMPRESSION_LEVEL is
# 0 to 9. Needs dpkg-dev. The same files give the same bytes.
set -euo pipefail
folder=$(cd "${1:?usage: scripts/make_deb.sh FOLDER VERSION OUT_DIR}" && pwd)
version=${2:?a version}-1
out=$(cd "${3:?a folder for the package}" && pwd)
: "${SOURCE_DATE_EPOCH:?the time of the commit in seconds}"
cd "$(dirname "$0")/.."

root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
umask 022
maintainer="${DEBFULLNAME:-$(git log -1 --format=%an)} <${DEBEMAIL:-$(git log -1 --format=%ae)}>"
architecture=$(dpkg --print-architecture)
package="$root/package"
doc="$package/usr/share/doc/minesegsat"

install -D -m 755 "$folder/minesegsat" "$package/usr/bin/minesegsat"
install -D -m 644 "$folder/completions/minesegsat.bash" "$package/usr/share/bash-completion/completions/minesegsat"
install -D -m 644 "$folder/completions/_minesegsat" "$package/usr/share/zsh/vendor-completions/_minesegsat"
install -D -m 644 "$folder/completions/minesegsat.fish" "$package/usr/share/fish/vendor_completions.d/minesegsat.fish"
for page in "$folder"/man/man1/*.1; do
    install -D -m 644 "$page" "$package/usr/share/man/man1/$(basename "$page")"
done
install -D -m 644 "$folder/THIRD-PARTY.txt" "$doc/THIRD-PARTY.txt"
install -m 644 "$folder/CHANGELOG.md" "$doc/changelog"
cat > "$doc/changelog.Debian" << END
minesegsat ($version) stable; urgency=medium

  * Version ${version%-1}. See changelog.gz.

 -- $maintainer  $(LC_ALL=C date -u -d "@$SOURCE_DATE_EPOCH" '+%a, %d %b %Y %H:%M:%S +0000')
END
{
    cat << END
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: MineSegSAT
Comment: The licences of the libraries in the program are in THIRD-PARTY.txt.

Files: *
$(grep '^Copyright' "$folder/LICENSE-MIT" | sed -e 's/^Copyright/Copyright:/' -e 's/ (c)//')
License: Expat or Apache-2.0
Comment: The model in the program contains modified Copernicus Sentinel data.

License: Expat
END
    # Lines of a text start with a space, and empty lines are a full stop. The title and the line of the copyright stand above.
    sed -n '/^Permission/,$p' "$folder/LICENSE-MIT" | sed -e 's/^$/./' -e 's/^/ /'
    cat << END

License: Apache-2.0
 On Debian systems, the Apache License 2.0 is in /usr/share/common-licenses/Apache-2.0.
END
} > "$doc/copyright"
# Compression without names and dates.
find "$package/usr/share/man" "$doc/changelog" "$doc/changelog.Debian" "$doc/THIRD-PARTY.txt" -type f -exec gzip -9n {} +
mkdir -p "$package/usr/share/lintian/overrides"
cat > "$package/usr/share/lintian/overrides/minesegsat" << END
# The program brings its libraries, so that one package works on every release of Debian and Ubuntu.
minesegsat binary: embedded-library
END

# What the program needs from the system, from the versions of the symbols that it uses.
mkdir -p "$root/debian"
printf 'Source: minesegsat\n\nPackage: minesegsat\nArchitecture: any\n' > "$root/debian/control"
depends=$(cd "$root" && dpkg-shlibdeps -O -e "$package/usr/bin/minesegsat" 2> log | sed -n 's/^shlibs:Depends=//p') || true
[ -n "$depends" ] || { cat "$root/log" >&2; echo "error: dpkg-shlibdeps names no library that the program needs" >&2; exit 1; }

mkdir -p "$package/DEBIAN"
cat > "$package/DEBIAN/control" << END
Package: minesegsat
Version: $version
Architecture: $architecture
Maintainer: $maintainer
Installed-Size: $(find "$package/usr" -type f -printf '%s\n' | awk '{ sum += int(($1 + 1023) / 1024) } END { print sum }')
Depends: $depends
Recommends: ca-certificates
Section: science
Priority: optional
Description: maps land disturbed by mining from Sentinel-2 scenes
 MineSegSAT reads Sentinel-2 scenes and writes maps of land that mining has
 disturbed. It compares dates, watches known mines against their permits, and
 shows the results in the browser and in QGIS.
 .
 The program contains a trained model and the map page.
END
(cd "$package" && find usr -type f -print0 | LC_ALL=C sort -z | xargs -0 md5sum > DEBIAN/md5sums)
find "$package" -type d -exec chmod 755 {} +
chmod 644 "$package"/DEBIAN/*
# One thread: the division of the work among threads changes the bytes. dpkg-deb sets the dates of all members to SOURCE_DATE_EPOCH at most.
find "$package" -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +
name="minesegsat_${version}_$architecture.deb"
DPKG_DEB_THREADS_MAX=1 dpkg-deb --root-owner-group -Zxz -z"${DEB_COMPRESSION_LEVEL:-6}" --build "$package" "$root/$name" > /dev/null
cp "$root/$name" "$out/.$name.tmp"
mv "$out/.$name.tmp" "$out/$name"
echo "$name needs $depends"
