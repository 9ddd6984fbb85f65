"""What an export of the history holds: every row that was asked for, and no other."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from school_app.audit.cold.store import EXTENSION, Folder
from school_app.audit.models import ArchivedAuditRow, AuditRow
from school_app.core.tenancy import all_schools, enter_school, use_school
from school_app.history import exports
from school_app.history.written import COLUMNS, safe
from tests.audit.cold.kept import archive, cooled, old_rows, years_ago
from tests.factories import TwoSchools
from tests.history.exporting import asked, carried_out, file_of, lines, made, written
from tests.visits import send

pytestmark = pytest.mark.usefixtures("small_pieces")
ODD = 'line one\nline two, "quoted" ; ünïcode ✓ \u2028'


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_an_export_holds_every_row_over_live_and_archived_ones_the_latest_first(
    auditor: Any, session: Any, two_schools: TwoSchools, folder: Path, form: str
) -> None:
    written(session, AuditRow, 100, back=1, student_id=two_schools.ours.student.id)
    written(session, ArchivedAuditRow, 95, back=20)
    with use_school(session, two_schools.theirs.school.id):
        written(session, AuditRow, 10, back=1, reason=two_schools.theirs.canary)
    session.commit()
    _, data = made(session, auditor, format=form)
    rows = lines(data) if form == "csv" else [json.loads(line) for line in data.decode().splitlines()]
    assert len(rows) == 195
    assert list(rows[0]) == list(COLUMNS)
    moments = [(row["created_at"], int(row["id"])) for row in rows]
    assert moments == sorted(set(moments), reverse=True)
    assert two_schools.theirs.canary not in data.decode()
    assert rows[0]["student"] == "Pupil canary-ours 0"


def test_texts_come_through_whole_and_no_cell_is_a_formula(
    auditor: Any, session: Any, two_schools: TwoSchools, folder: Path
) -> None:
    begun = ("=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", " =1", "＝1", ODD)
    for text in begun:
        written(session, AuditRow, 1, back=1, reason=text, changes={"given_name": ["=cmd()", text]})
    session.commit()
    _, data = made(session, auditor)
    assert data.startswith(b"\xef\xbb\xbfid,")
    rows = lines(data)
    assert {row["reason"] for row in rows} == {ODD, *(f"'{text}" for text in begun[:-1])}
    assert not any(
        cell.lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r")) for row in rows for cell in row.values()
    )
    _, data = made(session, auditor, format="jsonl")
    found = [json.loads(line) for line in data.decode().split("\n")[:-1]]
    assert {one["reason"] for one in found} == set(begun)
    assert found[0]["changes"]["given_name"][0] == "=cmd()"


def test_what_is_no_formula_stays_as_it_is() -> None:
    assert [safe(value) for value in ("a=b", "9A", "", None, 5, "{}")] == ["a=b", "9A", "", None, 5, "{}"]


def test_rows_that_are_written_after_the_export_was_asked_for_are_not_in_it(
    auditor: Any, session: Any, two_schools: TwoSchools, folder: Path
) -> None:
    written(session, AuditRow, 3, back=1)
    session.commit()
    export_id = asked(session, auditor)
    written(session, AuditRow, 1, back=-0.0001)
    session.commit()
    carried_out(session, auditor)
    assert len(lines(file_of(auditor, export_id)[0])) == 3


def test_the_cap_is_stated_and_the_latest_rows_are_kept(
    auditor: Any, session: Any, two_schools: TwoSchools, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "MOST_ROWS", 50)
    written(session, AuditRow, 51, back=1, entity_id=1)
    session.commit()
    export_id, data = made(session, auditor)
    assert len(lines(data)) == 50
    page = auditor.get("/audit/exports").text
    assert "an export holds 50 events at most" in page
    assert "-latest-50-rows.csv" in file_of(auditor, export_id)[1]
    monkeypatch.setattr(exports, "MOST_ROWS", 51)
    made(session, auditor)
    assert auditor.get("/audit/exports").text.count("events at most") == 1


def test_an_export_goes_on_into_cold_files(
    app: Any,
    auditor: Any,
    session: Any,
    two_schools: TwoSchools,
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    place, year = Folder(tmp_path / "cold"), years_ago(3)
    monkeypatch.setitem(app.extensions, EXTENSION, place)
    ours, theirs = two_schools.ours.school.id, two_schools.theirs.school.id
    old = old_rows(year, [ours, theirs], each=90)
    with all_schools(session):
        archive(session, old)
        cooled(session, place)
        assert session.scalar(select(func.count()).select_from(ArchivedAuditRow)) == 0
    enter_school(session, ours)
    written(session, AuditRow, 50, back=1)
    session.commit()
    _, data = made(session, auditor, event="", **{"from": f"{year}-01-01"})
    found = [int(row["id"]) for row in lines(data)]
    wanted = sorted((row for row in old if row["school_id"] == ours), key=lambda row: row["created_at"], reverse=True)
    assert found[-90:] == [row["id"] for row in wanted]
    assert len(found) == len(set(found)) >= 140


@pytest.mark.parametrize(
    ("data", "said"), [({"format": "xls"}, "choose CSV"), ({"format": "csv", "from": "x"}, "days")]
)
def test_what_cannot_be_exported_is_refused_with_the_reason(auditor: Any, data: dict[str, str], said: str) -> None:
    answer = send(auditor, "/audit/exports", **data)
    assert answer.status_code == 400
    assert said in answer.text


def test_an_export_of_the_earliest_days_can_be_looked_at_afterwards(session: Any, auditor: Any) -> None:
    assert asked(session, auditor, to="1900-01-05")
    assert auditor.get("/audit/exports").status_code == 200
