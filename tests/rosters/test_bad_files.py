"""Whatever its files and its zip are like, a bundle is read or refused with a place and a remedy."""

from __future__ import annotations

import csv
import io
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from school_app.rosters.bundle import open_bundle
from school_app.rosters.check import checked
from school_app.rosters.problems import ImportRefused, Problems
from tests.rosters.bundles import school, write
from tests.rosters.refusals import refused_with, told, warned

Change = Callable[[bytes], bytes]
FILES = sorted(school("1.2"))


def rewritten(path: Path, file: str, change: Change) -> Path:
    """The bundle, one of its files changed byte by byte."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, change(content) if name == file else content)
    return path


def table(change: Callable[[list[list[str]]], Any]) -> Change:
    """A change of a file's rows, its headers the first of them."""

    def changed(content: bytes) -> bytes:
        rows = list(csv.reader(io.StringIO(content.decode())))
        change(rows)
        text = io.StringIO()
        csv.writer(text).writerows(rows)
        return text.getvalue().encode()

    return changed


def drop_first_column(rows: list[list[str]]) -> None:
    for row in rows:
        del row[0]


def add_column(header: str) -> Callable[[list[list[str]]], None]:
    def add(rows: list[list[str]]) -> None:
        for number, row in enumerate(rows):
            row.append("" if number else header)

    return add


BROKEN: dict[str, tuple[Change, str]] = {
    "empty": (lambda content: b"", "The file is empty."),
    "a NUL byte": (lambda content: content + b"a\0b", "The file holds a NUL byte."),
    "not UTF-8": (lambda content: content + b"\xff\r\n", "The file is not UTF-8."),
    "UTF-16": (lambda content: content.decode().encode("utf-16"), "The file is UTF-16."),
    "an open quote": (
        lambda content: content + b'"open\r\nand,on\r\n',
        "A quote opens in this row and is never closed.",
    ),
    "a ragged row": (lambda content: content + b"a,b\r\n", "The row has 2 fields where the headers have"),
    "lines that end in CR": (lambda content: content.replace(b"\r\n", b"\r"), "The lines do not end as those of"),
    "a column less": (table(drop_first_column), "The headers"),
    "a column twice": (table(add_column("sourcedId")), "The header 'sourcedId' stands there twice."),
    "an unknown column": (table(add_column("shoeSize")), "The header 'shoeSize' is not known."),
    "a header in capitals": (lambda content: content.replace(b"sourcedId", b"SOURCEDID", 1), "is not known. Write it"),
    "no headers": (lambda content: content.split(b"\r\n", 1)[1], "The header"),
    "a row twice": (lambda content: content + content.strip().rsplit(b"\r\n", 1)[1], "stands in the file twice"),
}


@pytest.mark.parametrize("what", BROKEN)
@pytest.mark.parametrize("file", FILES)
def test_a_broken_file_is_named_and_refused(tmp_path: Path, file: str, what: str) -> None:
    version = "1.2" if file == "roles.csv" else "1.1"
    change, said = BROKEN[what]
    answer = told(rewritten(write(tmp_path / "b.zip", school(version), version), file, change))
    assert said in answer
    assert file in answer


@pytest.mark.parametrize(
    "change",
    [
        lambda content: b"\xef\xbb\xbf" + content,
        lambda content: content.replace(b"\r\n", b"\n"),
        lambda content: content.replace(b"\r\n", b"\r\n\r\n"),
        lambda content: content.rstrip(b"\r\n"),
        table(lambda rows: rows.append([""] * len(rows[0]))),
        table(add_column("metadata.shoeSize")),
    ],
    ids=["a BOM", "lines that end in LF", "blank lines", "no end of the last line", "a row of nothing", "metadata"],
)
@pytest.mark.parametrize("file", FILES)
def test_what_does_not_matter_is_read(tmp_path: Path, file: str, change: Change) -> None:
    version = "1.2" if file == "roles.csv" else "1.1"
    path = rewritten(write(tmp_path / "b.zip", school(version), version), file, change)
    assert [one for one in warned(path) if "extra credit" not in one] == []


@pytest.mark.parametrize("file", [one for one in FILES if one != "roles.csv"])
def test_a_file_that_is_absent_is_named_where_it_is_needed(tmp_path: Path, file: str) -> None:
    rows = {name: each for name, each in school().items() if name != file}
    if file in ("demographics.csv", "results.csv"):
        assert warned(write(tmp_path / "b.zip", rows)) is not None
    else:
        answer = told(write(tmp_path / "b.zip", rows))
        assert file in answer or "column categorySourcedId" in answer or "column lineItemSourcedId" in answer


@pytest.mark.parametrize("file", [one for one in FILES if one != "roles.csv"])
def test_a_file_that_has_no_rows_is_read(tmp_path: Path, file: str) -> None:
    path = write(tmp_path / "b.zip", {**school(), file: []})
    assert all("is nowhere in the bundle" in one for one in refused_with(path))


def test_a_delta_that_says_it_is_bulk_is_noted_once_for_each_file(tmp_path: Path) -> None:
    rows = school()
    for row in rows["users.csv"]:
        row.update(status="active", dateLastModified="2026-01-01T00:00:00.000Z")
    assert warned(write(tmp_path / "b.zip", rows))[0] == (
        "users.csv, line 2, column dateLastModified: Rows say when they were changed last, as those of a delta do. "
        "The file is taken for the whole roster; see that it is."
    )


def packed(path: Path, **more: bytes) -> Path:
    write(path, school())
    with zipfile.ZipFile(path, "a") as archive:
        for name, content in more.items():
            archive.writestr(name, content)
    return path


@pytest.mark.parametrize("inside", ["roster/extra.csv", "../extra.csv", "/etc/extra.csv", "roster/", "a\\b.csv"])
def test_a_zip_with_folders_is_refused(tmp_path: Path, inside: str) -> None:
    assert "The zip has a folder" in told(packed(tmp_path / "b.zip", **{inside: b"x"}))


def flagged(path: Path, place: int, value: int) -> Path:
    """The zip with a number of its central directory changed, for every member."""
    data = bytearray(path.read_bytes())
    at = data.find(b"PK\x01\x02")
    while at >= 0:
        struct.pack_into("<H", data, at + place, value)
        at = data.find(b"PK\x01\x02", at + 4)
    path.write_bytes(data)
    return path


def test_a_zip_that_is_encrypted_or_packed_otherwise_is_refused(tmp_path: Path) -> None:
    assert "is encrypted" in told(flagged(packed(tmp_path / "b.zip"), 8, 1))
    for method in (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA, 99):
        assert "is packed by an unusual method" in told(flagged(packed(tmp_path / "b.zip"), 10, method))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return write(tmp_path_factory.mktemp("whole") / "b.zip", school()).read_bytes()


def taken(data: bytes) -> Any:
    """The rows of each file of a bundle; None where it is refused, with a remedy."""
    try:
        with open_bundle(io.BytesIO(data), "b.zip") as bundle, checked(bundle, Problems()):
            return {name: [row.fields for row in bundle.rows(name, Problems())] for name in bundle.names}
    except ImportRefused as refused:
        return None if all(one.message and one.remedy for one in refused.problems) else refused.problems


@settings(max_examples=300)
@given(place=some.integers(0, 10_000), noise=some.binary(min_size=1, max_size=6))
def test_a_damaged_zip_is_read_as_it_was_or_refused(whole: bytes, place: int, noise: bytes) -> None:
    data = bytearray(whole)
    place %= len(data)
    data[place : place + len(noise)] = noise
    found = taken(bytes(data))
    # Where the zip's directory is cut short, a file that a roster may do without is not seen.
    assert found is None or found.items() <= taken(whole).items()


@pytest.mark.parametrize("part", [b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"], ids=["file", "directory", "end"])
def test_a_zip_that_lacks_a_signature_is_refused(whole: bytes, part: bytes) -> None:
    assert taken(whole) is not None
    assert taken(whole.replace(part, b"????", 1)) is None
