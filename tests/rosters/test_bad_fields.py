"""Whatever stands in its fields, a bundle is brought in or refused with a place, and nothing else ever happens."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some
from sqlalchemy import func, select

from school_app.accounts.models import Account
from school_app.audit.models import AuditRow
from school_app.core.tenancy import all_schools
from school_app.rosters.brake import ImportBrake
from school_app.rosters.layouts import LAYOUTS
from school_app.rosters.problems import ImportRefused
from school_app.schools.models import School
from school_app.students.models import Student
from tests.rosters.bundles import Rows, school, write
from tests.rosters.imports import bring_in, changed
from tests.rosters.refusals import told, warned

REFERENCES = [
    ("courses.csv", "C-M", "orgSourcedId"),
    ("courses.csv", "C-M", "schoolYearSourcedId"),
    ("classes.csv", "M-9", "courseSourcedId"),
    ("classes.csv", "M-9", "termSourcedIds"),
    ("users.csv", "t1", "orgSourcedIds"),
    ("enrollments.csv", "e1", "schoolSourcedId"),
    ("enrollments.csv", "e1", "classSourcedId"),
    ("demographics.csv", "s1", "sourcedId"),
    ("lineItems.csv", "L1", "classSourcedId"),
    ("lineItems.csv", "L1", "categorySourcedId"),
    ("lineItems.csv", "L1", "gradingPeriodSourcedId"),
    ("lineItems.csv", "L1", "schoolSourcedId"),
    ("results.csv", "R1", "lineItemSourcedId"),
    ("results.csv", "R1", "studentSourcedId"),
]


@pytest.mark.parametrize(("file", "row", "column"), REFERENCES)
def test_a_reference_to_nothing_is_refused(tmp_path: Path, file: str, row: str, column: str) -> None:
    path = write(tmp_path / "b.zip", changed(school(), file, row, **{column: "nobody"}))
    assert f"{file}, line 2, column {column}: 'nobody' is nowhere in the bundle." in told(path).replace(
        "line 3", "line 2"
    )


@pytest.mark.parametrize("column", ["userSourcedId", "orgSourcedId"])
def test_a_role_of_nobody_or_nowhere_is_refused(tmp_path: Path, column: str) -> None:
    rows = school("1.2")
    rows["roles.csv"].append({**rows["roles.csv"][0], "sourcedId": "more", column: "nobody"})
    answer = told(write(tmp_path / "b.zip", rows, "1.2"))
    assert f"roles.csv, line 6, column {column}: 'nobody' is nowhere in the bundle." in answer


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (changed(school(), "users.csv", "s1", agentSourcedIds="p9"), "column agentSourcedIds: 'p9' is nowhere"),
        (
            changed(school(), "users.csv", "p1", email="n/a"),
            "column email: 'n/a' is no e-mail address. It is left out.",
        ),
        (
            changed(school(), "enrollments.csv", "e3", role="teacher"),
            "'s2' is no member of staff of the class’s school.",
        ),
        (changed(school(), "enrollments.csv", "e3", userSourcedId="p1"), "'p1' is no student of the class’s school."),
        (changed(school(), "results.csv", "R1", studentSourcedId="t1"), "'t1' is no student of the class’s school."),
        (changed(school(), "classes.csv", "M-9", schoolSourcedId="D"), "Maths 9 belongs to no school, but to another"),
    ],
)
def test_what_is_left_out_is_noted(tmp_path: Path, rows: Rows, said: str) -> None:
    assert any(said in one for one in warned(write(tmp_path / "b.zip", rows)))


@pytest.mark.parametrize(
    ("file", "row", "column", "value", "said"),
    [
        ("orgs.csv", "S1", "type", "shool", "'shool' is not known here. Accepted: department, school,"),
        ("users.csv", "s1", "grades", "9" * 21, "has 21 characters. 20 are the most."),
        ("users.csv", "s1", "givenName", "An\nn", "The text holds a line break or another control character."),
        ("users.csv", "s1", "givenName", "An\x1b[1m", "The text holds a line break or another control character."),
        ("categories.csv", "K", "title", "x" * 121, "The text has 121 characters. 120 are the most."),
        ("enrollments.csv", "e1", "beginDate", "2025-W36-1", "'2025-W36-1' is no day."),
        ("enrollments.csv", "e1", "beginDate", "20250901", "'20250901' is no day."),
        ("enrollments.csv", "e1", "beginDate", "0001-01-01", "is no day of this time."),
        ("lineItems.csv", "L1", "resultValueMax", "0", "0 is not above 0."),
        ("lineItems.csv", "L1", "resultValueMax", "1e999999999", "cannot be kept."),
        ("lineItems.csv", "L1", "resultValueMax", "9" * 9_000, "cannot be kept."),
        ("lineItems.csv", "L1", "resultValueMax", "1_000", "is no number."),
        ("results.csv", "R1", "score", "NaN", "cannot be kept."),
        ("results.csv", "R1", "score", "0.0001", "cannot be kept."),
    ],
)
def test_a_field_that_cannot_be_kept_is_refused(
    tmp_path: Path, file: str, row: str, column: str, value: str, said: str
) -> None:
    answer = told(write(tmp_path / "b.zip", changed(school(), file, row, **{column: value})))
    assert f"column {column}: " in answer
    assert said in answer


def test_a_second_result_of_a_student_in_an_assessment_is_refused(tmp_path: Path) -> None:
    rows = school()
    rows["results.csv"].append({**rows["results.csv"][0], "sourcedId": "R2"})
    assert "line 3, column studentSourcedId: The student has a result in this assessment" in told(
        write(tmp_path / "b.zip", rows)
    )


WORDS = "s1 t1 p1 S1 D T1 SY 9A tess T1,SY 0 -1 1e99 NaN 2026-02-30 9999-12-31 true student homeroom tobedeleted"
ANYTHING = some.sampled_from([*WORDS.split(), "", "9" * 30, "x" * 192, "é", "²"]) | some.text(max_size=30)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=some.data())
def test_any_fields_are_brought_in_or_refused_and_then_nothing_is_written(
    session: Any, tmp_path: Path, data: some.DataObject
) -> None:
    version = data.draw(some.sampled_from(("1.1", "1.2")))
    rows = school(version)
    for _ in range(data.draw(some.integers(1, 4))):
        file = data.draw(some.sampled_from(sorted(rows)))
        layout = LAYOUTS[version][file]
        row = data.draw(some.sampled_from(rows[file]))
        row[data.draw(some.sampled_from((*layout.required, *layout.optional)))] = data.draw(ANYTHING)
    if data.draw(some.booleans()):
        rows["users.csv"].append({**data.draw(some.sampled_from(rows["users.csv"]))})
    try:
        bring_in(session, tmp_path, rows, version=version)
        assert bring_in(session, tmp_path, rows, version=version).differences == 0
    except (ImportRefused, ImportBrake):
        session.rollback()
        with all_schools(session):
            for model in (School, Student, Account, AuditRow):
                assert session.scalar(select(func.count()).select_from(model)) == 0
    finally:
        session.rollback()
