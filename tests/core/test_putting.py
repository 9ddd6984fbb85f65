"""Rows that are added or changed in one statement, under the same guards as every insert."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from school_app.alerts.models import RiskProfile
from school_app.core import clock
from school_app.core.db.putting import put
from school_app.core.tenancy import TenancyError
from tests.days import TODAY
from tests.factories import TwoSchools


def row(student_id: int, level: int | None, **more: Any) -> dict[str, Any]:
    counts = {"triggers": [], "inputs": {"days": level}, "as_of": TODAY, "computed_at": clock.now()}
    return {"student_id": student_id, "level": level, **counts, **more}


def profiles(session: Any) -> dict[int, tuple[int, int | None, dict[str, Any]]]:
    columns = (RiskProfile.student_id, RiskProfile.id, RiskProfile.level, RiskProfile.inputs)
    return {student_id: tuple(told) for student_id, *told in session.execute(select(*columns))}


def test_what_is_there_is_changed_and_the_rest_is_added_in_one_statement(
    session: Any, two_schools: TwoSchools, statements: list[str]
) -> None:
    first, second = two_schools.ours.students[:2]
    put(session, RiskProfile, [row(first.id, 1)], key=("school_id", "student_id"))
    id_ = profiles(session)[first.id][0]
    statements.clear()
    put(session, RiskProfile, [row(first.id, None), row(second.id, 2)], key=("school_id", "student_id"))
    assert len(statements) == 1
    found = profiles(session)
    assert found[first.id] == (id_, None, {"days": None})
    assert found[second.id][1:] == (2, {"days": 2})


def test_no_row_of_another_school_is_put(session: Any, two_schools: TwoSchools) -> None:
    theirs = row(two_schools.theirs.student.id, 1, school_id=two_schools.theirs.school.id)
    with pytest.raises(TenancyError):
        put(session, RiskProfile, [theirs], key=("school_id", "student_id"))
