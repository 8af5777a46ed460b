#!/usr/bin/env python3
"""Packs a folder into one archive. The same files give the same bytes: members are sorted, belong to root, and have one date.

    SOURCE_DATE_EPOCH=SECONDS scripts/pack_release.py FOLDER ARCHIVE.tar.xz|ARCHIVE.zip [--level 0..9]
"""

import argparse
import io
import lzma
import os
import tarfile
import time
import zipfile
from pathlib import Path


def files_of(folder: Path) -> list[tuple[str, Path]]:
    """Names in the archive, below the name of the folder, in one order on every system."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return sorted((path.relative_to(folder.parent).as_posix(), path) for path in files)


def mode_of(folder: Path, path: Path) -> int:
    """Only the program is executable. Windows has no such bit to read."""
    return 0o755 if path.parent == folder and path.name in {"minesegsat", "minesegsat.exe"} else 0o644


def pack_tar(folder: Path, archive: io.BufferedIOBase, level: int, epoch: int) -> None:
    with lzma.open(archive, "wb", preset=level) as packed, tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, path in files_of(folder):
            member = tarfile.TarInfo(name)
            member.size, member.mode, member.mtime = path.stat().st_size, mode_of(folder, path), epoch
            member.uname = member.gname = "root"
            with path.open("rb") as file:
                tar.addfile(member, file)


def pack_zip(folder: Path, archive: io.BufferedIOBase, level: int, epoch: int) -> None:
    # A zip archive has no date before 1980, and even seconds.
    date = max(time.gmtime(epoch)[:6], (1980, 1, 1, 0, 0, 0))
    with zipfile.ZipFile(archive, "w") as packed:
        for name, path in files_of(folder):
            member = zipfile.ZipInfo(name, date)
            member.create_system, member.external_attr = 3, (0o100000 | mode_of(folder, path)) << 16
            member.compress_type = zipfile.ZIP_DEFLATED
            packed.writestr(member, path.read_bytes(), compresslevel=level)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("archive", type=Path)
    parser.add_argument("--level", type=int, default=6, choices=range(10), help="effort of the compression; default: 6")
    arguments = parser.parse_args()
    pack = {".xz": pack_tar, ".zip": pack_zip}.get(arguments.archive.suffix)
    if not pack or not arguments.folder.is_dir():
        parser.error(f"`{arguments.archive}` must end in .tar.xz or .zip, and `{arguments.folder}` must be a folder")
    temporary = arguments.archive.with_name(f".{arguments.archive.name}.{os.getpid()}")
    try:
        with temporary.open("wb") as archive:
            pack(arguments.folder.resolve(), archive, arguments.level, int(os.environ["SOURCE_DATE_EPOCH"]))
        temporary.replace(arguments.archive)
    finally:
        temporary.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
