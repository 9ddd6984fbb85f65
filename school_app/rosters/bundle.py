"""A OneRoster CSV bundle: one zip without folders, opened with suspicion, its manifest read first.

rosters.reading reads its files; nothing here touches the database.
"""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from school_app.rosters.csv_reader import MOST_BYTES, Layout, Row, read_rows
from school_app.rosters.layouts import LAYOUTS, REQUIRED_FILES, VERSIONS
from school_app.rosters.problems import ImportRefused, Problem, Problems, Severity

MOST_MEMBERS = 60
# Text packs ten to twenty times; a bomb a thousand times.
MOST_RATIO = 200
# The other methods unpack a thousandfold, and fail in ways of their own.
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
MANIFEST = "manifest.csv"
# What the library raises where the bytes of a zip contradict each other.
DAMAGE = (zipfile.BadZipFile, EOFError, NotImplementedError, UnicodeDecodeError, struct.error, zlib.error)
MANIFEST_LAYOUT = Layout(("propertyName", "value"))


@dataclass(frozen=True, slots=True)
class Bundle:
    """An open bundle: its OneRoster version, "1.1" or "1.2", and the names of the files that it brings in bulk."""

    archive: zipfile.ZipFile
    version: str
    names: frozenset[str]

    def rows(self, name: str, problems: Problems) -> Iterator[Row]:
        """The rows of a file, as a stream; none where the bundle has no such file."""
        if name not in self.names:
            return
        with _member(self.archive, name) as stream:
            yield from read_rows(stream, name, LAYOUTS[self.version][name], problems)


def _member(archive: zipfile.ZipFile, name: str) -> IO[bytes]:
    """A file of the zip, as a stream. Raises BadZipFile where the zip says that it lies before its own beginning."""
    try:
        return archive.open(name)
    except ValueError:
        raise zipfile.BadZipFile(f"{name} lies outside of the zip") from None


def refused(name: str, message: str, remedy: str) -> ImportRefused:
    """The refusal of a whole file for one reason."""
    return ImportRefused([Problem(Severity.ERROR, name, None, None, message, remedy)])


@contextmanager
def open_bundle(file: Path | IO[bytes], name: str) -> Iterator[Bundle]:
    """Open a bundle. Raises ImportRefused where it is no zip, is unsafe, or its manifest does not fit."""
    try:
        archive = zipfile.ZipFile(file)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        raise refused(name, "The file is no zip, or it is damaged.", "Export the bundle again.") from None
    with archive:
        _check_members(archive, name)
        try:
            yield _read_manifest(archive, name)
        except DAMAGE:
            raise refused(name, "A file in the zip is damaged.", "Export the bundle again.") from None


def _check_members(archive: zipfile.ZipFile, name: str) -> None:
    members = archive.infolist()
    if len(members) > MOST_MEMBERS:
        raise refused(name, f"The zip holds {len(members)} files.", "A bundle has its CSV files and nothing else.")
    seen: set[str] = set()
    for member in members:
        _check_member(member, name)
        if member.filename in seen:
            raise refused(name, f"The zip holds {member.filename} twice.", "Export the bundle again.")
        seen.add(member.filename)


def _check_member(member: zipfile.ZipInfo, name: str) -> None:
    inside = member.filename
    if "/" in inside or "\\" in inside:
        message = f"The zip has a folder: {inside[:80]}."
        raise refused(name, message, "Pack the CSV files themselves, not the folder they are in.")
    if member.flag_bits & 0x1:
        raise refused(name, f"{inside} is encrypted.", "Pack the bundle without a password.")
    if member.compress_type not in METHODS:
        raise refused(name, f"{inside} is packed by an unusual method.", "Pack the bundle as a plain zip.")
    if member.file_size > MOST_BYTES or member.file_size > MOST_RATIO * max(member.compress_size, 1024):
        raise refused(name, f"{inside} unpacks to {member.file_size} bytes.", "Split the bundle by school.")
    for known in (MANIFEST, *LAYOUTS["1.2"]):
        if inside != known and inside.lower() == known.lower():
            raise refused(name, f"The zip holds {inside}.", f"The name must be exactly {known}.")


def _read_manifest(archive: zipfile.ZipFile, name: str) -> Bundle:
    present = set(archive.namelist())
    if MANIFEST not in present:
        raise refused(name, "The zip has no manifest.csv.", "Export a OneRoster CSV bundle, version 1.1 or 1.2.")
    problems = Problems()
    with _member(archive, MANIFEST) as stream:
        said = {
            row.fields["propertyName"]: row.fields["value"]
            for row in read_rows(stream, MANIFEST, MANIFEST_LAYOUT, problems)
        }
    problems.refuse_if_any()
    version = said.get("oneroster.version", "")
    if version not in VERSIONS:
        message = f"The bundle says it is OneRoster {version or 'of no version'}."
        raise refused(MANIFEST, message, f"Versions {' and '.join(VERSIONS)} can be read.")
    return Bundle(archive, version, frozenset(_in_bulk(said, present, version)))


def _in_bulk(said: dict[str, str], present: set[str], version: str) -> Iterator[str]:
    for file in LAYOUTS[version]:
        mode = said.get(f"file.{file.removesuffix('.csv')}", "bulk" if file in present else "absent")
        if mode == "delta":
            message = f"{file} holds only what has changed (delta)."
            raise refused(MANIFEST, message, "Export the bundle in bulk: every row, every time.")
        if mode not in ("bulk", "absent"):
            raise refused(MANIFEST, f"{file} is said to be {mode!r}.", "It can be bulk or absent.")
        if mode == "bulk" and file not in present:
            raise refused(MANIFEST, f"{file} is said to be there, and is not.", "Export the bundle again.")
        if mode == "absent" and file in REQUIRED_FILES[version]:
            raise refused(MANIFEST, f"{file} is missing.", "A roster needs it; export the bundle with it.")
        if mode == "bulk":
            yield file
