"""Rows of the history as they are written to a file: a line of CSV, or of JSON.

history.exports alone uses it.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from school_app.audit.models import Unreadable
from school_app.history.models import ExportFormat
from school_app.history.names import Names
from school_app.history.sentences import Told

COLUMNS = (
    "id",
    "created_at",
    "at_school",
    "actor_id",
    "actor_name",
    "event",
    "entity_type",
    "entity_id",
    "student_id",
    "student",
    "in_words",
    "reason",
    "changes",
    "ip",
    "request_id",
    "job_id",
)
# What a spreadsheet takes for the beginning of a formula, in the widths in which people type it.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
# Spreadsheets read UTF-8 only behind this mark; JSON must not begin with it (RFC 8259).
MARK = "\ufeff"
Line = Mapping[str, Any]
# Made once: json.dumps() makes a new one for every row where it is told how to write.
_in_cell = json.JSONEncoder(ensure_ascii=False, sort_keys=True).encode
_in_line = json.JSONEncoder(ensure_ascii=False).encode


def line(told: Told, names: Names) -> Line:
    """What an export says of a row: its columns as they stand, the time at the school, and the row in words."""
    row = told.row
    what = f"{told.what} {told.about or ''}".strip()
    made = {
        "created_at": row.created_at.isoformat(timespec="microseconds"),
        "at_school": row.created_at.astimezone(names.zone).replace(tzinfo=None).isoformat(" ", "seconds"),
        "student": told.student,
        "changes": row.changes.text if isinstance(row.changes, Unreadable) else row.changes,
        "in_words": f"{what}: {told.brief}" if told.brief else what,
    }
    return {name: made[name] if name in made else getattr(row, name) for name in COLUMNS}


def safe(value: object) -> object:
    """A cell that no spreadsheet takes for a formula: where it begins like one, an apostrophe stands before it."""
    if isinstance(value, str) and (value.lstrip(" ") if value[:1] == " " else value).startswith(FORMULA):
        return f"'{value}"
    return value


def _csv(lines: Iterable[Line]) -> str:
    text = io.StringIO(newline="")
    cells = csv.writer(text)
    for one in lines:
        changes = one["changes"]
        written = None if changes is None else _in_cell(changes)
        cells.writerow([safe(value) for value in {**one, "changes": written}.values()])
    return text.getvalue()


def _json_lines(lines: Iterable[Line]) -> str:
    return "".join(f"{_in_line(one)}\n" for one in lines)


HEAD: dict[ExportFormat, str] = {
    ExportFormat.CSV: f"{MARK}{','.join(COLUMNS)}\r\n",
    ExportFormat.JSON_LINES: "",
}
WRITTEN: dict[ExportFormat, Callable[[Iterable[Line]], str]] = {
    ExportFormat.CSV: _csv,
    ExportFormat.JSON_LINES: _json_lines,
}
