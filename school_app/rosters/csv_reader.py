"""One CSV file as checked rows, read as a stream: UTF-8, known headers, no ragged rows, bounded in every direction.

The readers of bundles and of local files use it; it knows no column's meaning.
"""

from __future__ import annotations

import codecs
import csv
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import IO

from school_app.rosters.problems import ImportRefused, Problem, Problems, Severity

CHUNK_BYTES = 64 * 1024
MOST_BYTES = 200 * 1024 * 1024
LONGEST_FIELD = 10_000
LONGEST_LINE = 100_000


@dataclass(frozen=True, slots=True)
class Layout:
    """The headers of a file: `required` must be there, `optional` may; `extensible` allows metadata.* columns."""

    required: Sequence[str]
    optional: Sequence[str] = ()
    extensible: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its physical line and its fields by header, stripped of spaces around them."""

    line: int
    fields: Mapping[str, str]


class _Unreadable(Exception):
    def __init__(self, line: int | None, message: str, remedy: str) -> None:
        super().__init__(message)
        self.line, self.message, self.remedy = line, message, remedy


def read_rows(file: IO[bytes], name: str, layout: Layout, problems: Problems) -> Iterator[Row]:
    """Yield the rows of a file. Ragged rows are noted and left out; a file that is no such CSV raises ImportRefused."""
    try:
        yield from _rows(file, name, layout, problems)
    except _Unreadable as error:
        problem = Problem(Severity.ERROR, name, error.line, None, error.message, error.remedy)
        raise ImportRefused([problem]) from None


def _rows(file: IO[bytes], name: str, layout: Layout, problems: Problems) -> Iterator[Row]:
    records = _records(file)
    first = next(records, None)
    if first is None:
        raise _Unreadable(None, "The file is empty.", "Export it again, with its line of headers.")
    headers = first[1]
    _check_headers(headers, layout)
    for at, values in records:
        if not any(values):
            continue
        if len(values) != len(headers):
            message = f"The row has {len(values)} fields where the headers have {len(headers)}."
            problems.error(name, at, None, message=message, remedy="Put fields that hold a comma in quotes.")
            continue
        row = Row(at, {header: value.strip() for header, value in zip(headers, values, strict=True)})
        if _short_enough(row, name, problems):
            yield row


def _records(file: IO[bytes]) -> Iterator[tuple[int, list[str]]]:
    """The fields of each row with the line that it begins on."""
    reader = csv.reader(_lines(file), strict=True)
    line = 1
    try:
        for values in reader:
            yield line, values
            line = reader.line_num + 1
    except csv.Error as error:
        raise _misquoted(line, str(error)) from None


def _misquoted(line: int, why: str) -> _Unreadable:
    if "unexpected end" in why or "field limit" in why:
        message = "A quote opens in this row and is never closed."
        return _Unreadable(line, message, "Close it; a quote within a field is written twice.")
    if "expected after" in why:
        message = "A field goes on after its closing quote."
        return _Unreadable(line, message, "Write a quote within a field twice.")
    return _Unreadable(line, "The lines do not end as those of a CSV file.", "End each row with a line feed.")


def _short_enough(row: Row, name: str, problems: Problems) -> bool:
    for header, value in row.fields.items():
        if len(value) > LONGEST_FIELD:
            message = f"The field has {len(value)} characters; {LONGEST_FIELD} are the most."
            problems.error(name, row.line, header, message=message, remedy="Shorten it.")
            return False
    return True


def _lines(file: IO[bytes]) -> Iterator[str]:
    """The text of a file line by line, refused where it is not UTF-8, holds a NUL or never ends."""
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    rest, number, size = "", 0, 0
    while chunk := file.read(CHUNK_BYTES):
        size += len(chunk)
        _check_bytes(chunk, size, number)
        *whole, rest = (rest + _decoded(decoder, chunk, number)).split("\n")
        for text in whole:
            number += 1
            yield text + "\n"
        if len(rest) > LONGEST_LINE:
            raise _Unreadable(number + 1, "The line does not end.", "Export the file with one row a line.")
    rest += _decoded(decoder, b"", number, final=True)
    if rest:
        yield rest


def _check_bytes(chunk: bytes, size: int, number: int) -> None:
    if size > MOST_BYTES:
        raise _Unreadable(None, f"The file is larger than {MOST_BYTES // 2**20} MB.", "Split it by school or by year.")
    if size == len(chunk) and chunk.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise _Unreadable(None, "The file is UTF-16.", "Save it as UTF-8.")
    if b"\0" in chunk:
        line = number + 1 + chunk[: chunk.index(b"\0")].count(b"\n")
        raise _Unreadable(line, "The file holds a NUL byte.", "Export it again as UTF-8 text.")


def _decoded(decoder: codecs.IncrementalDecoder, chunk: bytes, number: int, *, final: bool = False) -> str:
    try:
        return decoder.decode(chunk, final)
    except UnicodeDecodeError as error:
        line = number + 1 + bytes(error.object[: error.start]).count(b"\n")
        raise _Unreadable(line, "The file is not UTF-8.", 'Save it as "CSV UTF-8".') from None


def _check_headers(headers: Sequence[str], layout: Layout) -> None:
    known = {*layout.required, *layout.optional}
    seen: set[str] = set()
    for header in headers:
        if header in seen:
            raise _Unreadable(1, f"The header {header[:80]!r} stands there twice.", "Keep one of the columns.")
        if header not in known and not (layout.extensible and header.startswith("metadata.")):
            raise _Unreadable(1, f"The header {header[:80]!r} is not known.", _expected(header, known))
        seen.add(header)
    missing = [header for header in layout.required if header not in headers]
    if missing:
        raise _Unreadable(1, f"The headers {', '.join(missing)} are missing.", "Export the file with all its columns.")


def _expected(header: str, known: Collection[str]) -> str:
    for name in known:
        if name.lower() == header.strip().lower():
            return f"Write it exactly {name!r}."
    return "Remove the column, or name it as the format does."
