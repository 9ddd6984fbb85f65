"""Who moves is in one form on one day, who has left has no place, and who comes back is taken in again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from school_app.rosters.brake import ImportBrake
from school_app.rosters.problems import ImportRefused
from school_app.schools.models import Form
from school_app.students.models import Enrolment, Guardian, Student, StudentGuardian, TeachingGroupMember
from school_app.students.queries import guardians_of
from tests.days import TODAY
from tests.rosters.bundles import Rows, school
from tests.rosters.imports import bring_in, changed, without

YESTERDAY = TODAY - timedelta(days=1)
BEGAN = date(2025, 9, 1)


def two_forms() -> Rows:
    """The school with a second form, which nobody is in yet."""
    rows = school()
    rows["classes.csv"].append({**rows["classes.csv"][0], "sourcedId": "H-9B", "title": "9B"})
    return rows


def moved(from_day: date) -> Rows:
    """Ann is in 9B from a day on; her row of 9A is not listed any longer."""
    rows = without(two_forms(), "enrollments.csv", sourcedId="e2")
    old = next(one for one in school()["enrollments.csv"] if one["sourcedId"] == "e2")
    rows["enrollments.csv"].append({**old, "sourcedId": "e9", "classSourcedId": "H-9B", "beginDate": str(from_day)})
    return rows


def gone(rows: Rows) -> Rows:
    """The bundle without Ann and her mother."""
    rows = without(without(rows, "users.csv", sourcedId="s1"), "users.csv", sourcedId="p1")
    rows = without(without(rows, "enrollments.csv", userSourcedId="s1"), "results.csv", studentSourcedId="s1")
    return without(rows, "demographics.csv", sourcedId="s1")


def ann(session: Any) -> Student:
    found: Student = session.scalars(select(Student).where(Student.sourced_id == "s1")).one()
    return found


def places(session: Any) -> list[tuple[str, date, date | None]]:
    rows = session.execute(
        select(Form.name, Enrolment.starts_on, Enrolment.ends_on)
        .join(Form, Form.id == Enrolment.form_id)
        .where(Enrolment.student_id == ann(session).id)
        .order_by(Enrolment.starts_on)
    )
    return [tuple(row) for row in rows]


def form_of(session: Any) -> str | None:
    found: str | None = session.scalar(select(Form.name).where(Form.id == ann(session).form_id))
    return found


@pytest.mark.parametrize(
    ("begins", "last", "present"),
    [
        (TODAY - timedelta(days=9), TODAY - timedelta(days=10), "9B"),
        (TODAY, YESTERDAY, "9B"),
        (TODAY + timedelta(days=9), TODAY + timedelta(days=8), "9A"),
    ],
    ids=["some days ago", "today", "some day to come"],
)
def test_who_moves_leaves_the_old_form_the_day_before(
    session: Any, tmp_path: Path, begins: date, last: date, present: str
) -> None:
    bring_in(session, tmp_path, two_forms())
    outcome = bring_in(session, tmp_path, moved(begins)).schools["Hill School"]
    assert (outcome.added, outcome.ended) == ({"enrolment": 1}, {"enrolment": 1})
    assert places(session) == [("9A", BEGAN, last), ("9B", begins, None)]
    assert form_of(session) == present
    assert bring_in(session, tmp_path, moved(begins)).differences == 0


def test_a_move_without_a_day_of_its_own_counts_from_today(session: Any, tmp_path: Path) -> None:
    bring_in(session, tmp_path, two_forms())
    rows = changed(two_forms(), "enrollments.csv", "e2", classSourcedId="H-9B")
    bring_in(session, tmp_path, rows)
    assert places(session) == [("9A", BEGAN, YESTERDAY), ("9B", TODAY, None)]
    assert bring_in(session, tmp_path, rows).differences == 0


def test_of_two_forms_that_are_listed_at_once_the_later_counts_and_it_is_said(session: Any, tmp_path: Path) -> None:
    rows = two_forms()
    old = next(one for one in rows["enrollments.csv"] if one["sourcedId"] == "e2")
    rows["enrollments.csv"].append({**old, "sourcedId": "e9", "classSourcedId": "H-9B", "beginDate": "2025-11-03"})
    outcome = bring_in(session, tmp_path, rows)
    assert places(session) == [("9A", BEGAN, date(2025, 11, 2)), ("9B", date(2025, 11, 3), None)]
    assert [str(one) for one in outcome.problems.warnings if one.file == "enrollments.csv"] == [
        "enrollments.csv, line 3, column classSourcedId: The student is in two forms on one day. "
        "The place that begins later counts from then."
    ]
    assert bring_in(session, tmp_path, rows).differences == 0


def test_who_is_taken_out_of_a_form_is_in_none(session: Any, tmp_path: Path) -> None:
    bring_in(session, tmp_path, two_forms())
    rows = without(two_forms(), "enrollments.csv", sourcedId="e2")
    session.commit()
    with pytest.raises(ImportBrake, match="1 of 2 students’ places in a form"):
        bring_in(session, tmp_path, rows)
    bring_in(session, tmp_path, rows, force=True)
    assert (places(session), form_of(session)) == ([("9A", BEGAN, YESTERDAY)], None)
    assert ann(session).is_active
    assert bring_in(session, tmp_path, rows).differences == 0


def test_who_leaves_a_class_is_taught_there_no_longer(session: Any, tmp_path: Path) -> None:
    bring_in(session, tmp_path, school())
    rows = without(school(), "enrollments.csv", sourcedId="e5")
    assert bring_in(session, tmp_path, rows).schools["Hill School"].ended == {"teaching_group_member": 1}
    assert session.scalars(select(TeachingGroupMember.ends_on)).one() == YESTERDAY
    assert bring_in(session, tmp_path, rows).differences == 0
    bring_in(session, tmp_path, school())
    assert session.scalars(select(TeachingGroupMember.ends_on)).one() is None


@pytest.mark.parametrize(
    "leave",
    [gone, lambda rows: changed(rows, "users.csv", "s1", status="tobedeleted")],
    ids=["not listed", "to be deleted"],
)
def test_who_has_left_has_no_place_and_comes_back_to_the_same(
    session: Any, tmp_path: Path, leave: Callable[[Rows], Rows]
) -> None:
    bring_in(session, tmp_path, school())
    ann_id = ann(session).id
    rows = leave(school())
    outcome = bring_in(session, tmp_path, rows, force=True).schools["Hill School"]
    assert (outcome.ended["student"], outcome.ended["enrolment"], outcome.ended["teaching_group_member"]) == (1, 1, 1)
    assert not ann(session).is_active
    assert places(session) == [("9A", BEGAN, YESTERDAY)]
    assert session.scalars(select(TeachingGroupMember.ends_on)).one() == YESTERDAY
    assert [one.given_name for one in guardians_of(session, ann_id)] == ["Pat"]
    assert bring_in(session, tmp_path, rows).differences == 0
    bring_in(session, tmp_path, school())
    assert (ann(session).id, ann(session).is_active, form_of(session)) == (ann_id, True, "9A")
    assert places(session) == [("9A", BEGAN, None)]
    assert session.scalars(select(TeachingGroupMember.ends_on)).one() is None
    assert session.scalars(select(Guardian.is_active)).one()


def test_a_student_without_a_log_in_is_a_student(session: Any, tmp_path: Path) -> None:
    rows = changed(school(), "users.csv", "s1", enabledUser="false")
    bring_in(session, tmp_path, changed(rows, "users.csv", "p1", enabledUser="false"))
    assert ann(session).is_active
    assert [one.given_name for one in guardians_of(session, ann(session).id)] == ["Pat"]


def test_a_guardian_who_answers_no_longer_for_a_student_is_no_contact(session: Any, tmp_path: Path) -> None:
    bring_in(session, tmp_path, school())
    rows = changed(school(), "users.csv", "s1", agentSourcedIds="")
    assert bring_in(session, tmp_path, rows).schools["Hill School"].ended == {"student_guardian": 1}
    assert guardians_of(session, ann(session).id) == []
    rows = without(rows, "users.csv", sourcedId="p1")
    assert bring_in(session, tmp_path, rows).schools["Hill School"].ended == {"guardian": 1}
    assert bring_in(session, tmp_path, rows).differences == 0
    bring_in(session, tmp_path, school())
    assert session.scalars(select(StudentGuardian)).one().student_id == ann(session).id


def test_a_place_that_ends_before_its_class_begins_is_refused(session: Any, tmp_path: Path) -> None:
    rows = changed(school(), "enrollments.csv", "e2", beginDate="", endDate="2025-08-01")
    with pytest.raises(ImportRefused, match="It ends on 2025-08-01 before it begins on 2025-09-01"):
        bring_in(session, tmp_path, rows)


def test_the_statements_of_an_import_do_not_grow_with_its_rows(
    session: Any, tmp_path: Path, statements: list[str]
) -> None:
    def grown(number: int) -> Rows:
        rows = two_forms()
        pupil, place = rows["users.csv"][1], rows["enrollments.csv"][1]
        for one in range(number):
            rows["users.csv"].append({**pupil, "sourcedId": f"n{one}", "username": f"n{one}"})
            rows["enrollments.csv"].append({**place, "sourcedId": f"ne{one}", "userSourcedId": f"n{one}"})
        return rows

    def moved_all(number: int) -> Rows:
        rows = grown(number)
        for place in rows["enrollments.csv"]:
            if place["role"] == "student" and place["classSourcedId"] == "H-9A":
                place.update(classSourcedId="H-9B", sourcedId=f"m-{place['sourcedId']}", beginDate="2025-11-03")
        return rows

    counts = []
    for number in (5, 60):
        bring_in(session, tmp_path, grown(number))
        statements.clear()
        bring_in(session, tmp_path, moved_all(number))
        bring_in(session, tmp_path, school(), force=True)
        counts.append(len(statements))
    assert counts[1] <= counts[0] + 4
