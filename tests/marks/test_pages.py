"""Assessments and results: entered by those who teach the class, kept exact, and never overwritten unseen."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from school_app.alerts.models import Alert
from school_app.core.fingerprint import new_once
from school_app.core.pages import number as shown
from school_app.marks.models import Assessment, AssessmentResult
from school_app.marks.service import InvalidMark, number
from school_app.schools.models import TeachingGroup, TeachingGroupTeacher
from school_app.students.models import TeachingGroupMember
from tests.days import TODAY
from tests.factories import TwoSchools, World, added
from tests.visits import hidden, log_in, send

COPIED = ("school_year_id", "term_id", "subject_id")


def url(world: World, tail: str = "") -> str:
    return f"/assessments/{world.things['assessment'].id}{tail}"


def result_of(session: Any, world: World) -> AssessmentResult:
    session.expire_all()
    found: AssessmentResult = session.scalar(
        select(AssessmentResult).where(AssessmentResult.assessment_id == world.things["assessment"].id)
    )
    return found


def enter(client: Any, world: World, score: str, was: str = "40") -> Any:
    id_ = world.student.id
    return send(client, url(world), **{f"score-{id_}": score, f"was-{id_}": was})


def test_a_teacher_sees_the_own_classes_and_nobody_elses(client: Any, two_schools: TwoSchools) -> None:
    ours = two_schools.ours
    group = ours.things["teaching_group"]
    page = log_in(client, ours.teacher).get("/marks").text
    assert group.name in page
    assert two_schools.theirs.canary not in page
    assert group.name in client.get(f"/marks/{group.id}").text
    other = log_in(client.application.test_client(), ours.form_master)
    assert "No class is given to you" in other.get("/marks").text
    assert other.get(f"/marks/{group.id}").status_code == 404
    assert other.get(url(ours)).status_code == 404


def test_a_result_is_entered_corrected_and_taken_away(client: Any, session: Any, two_schools: TwoSchools) -> None:
    ours = two_schools.ours
    log_in(client, ours.teacher)
    assert enter(client, ours, "72,5").status_code == 303
    found = result_of(session, ours)
    assert (found.score, found.score_status, found.entered_by) == (Decimal("72.500"), "fully graded", ours.teacher.id)
    assert 'value="72.5"' in client.get(url(ours)).text
    assert enter(client, ours, "", was="72.5").status_code == 303
    assert (result_of(session, ours).score, result_of(session, ours).score_status) == (None, "not submitted")


def test_an_exempt_result_counts_once_it_has_a_score(client: Any, session: Any, two_schools: TwoSchools) -> None:
    ours = two_schools.ours
    result = result_of(session, ours)
    result.score, result.score_status = None, "exempt"
    session.flush()
    log_in(client, ours.teacher)
    assert enter(client, ours, "", was="").status_code == 303
    assert result_of(session, ours).score_status == "exempt"
    assert enter(client, ours, "50", was="").status_code == 303
    assert result_of(session, ours).score_status == "fully graded"


def test_a_score_above_the_maximum_is_kept_and_pointed_out(client: Any, session: Any, two_schools: TwoSchools) -> None:
    ours = two_schools.ours
    log_in(client, ours.teacher)
    assert enter(client, ours, "104").status_code == 303
    assert result_of(session, ours).score == 104
    assert "above 100" in client.get(url(ours)).text


@pytest.mark.parametrize("bad", ["much", "-1", "nan", "Infinity", "1e9", "0.0001"])
def test_what_is_no_mark_is_refused_by_name_and_need_not_be_typed_again(
    client: Any, session: Any, two_schools: TwoSchools, bad: str
) -> None:
    ours = two_schools.ours
    log_in(client, ours.teacher)
    answer = enter(client, ours, bad)
    assert answer.status_code == 400
    assert f"{ours.student.sort_name}: enter a number" in answer.text
    assert f'value="{bad}"' in answer.text
    assert result_of(session, ours).score == 40


def test_results_that_somebody_else_changed_are_not_overwritten(
    client: Any, session: Any, two_schools: TwoSchools
) -> None:
    ours = two_schools.ours
    log_in(client, ours.teacher)
    result_of(session, ours).score = Decimal(55)
    session.flush()
    answer = enter(client, ours, "60", was="40")
    assert answer.status_code == 409
    assert 'value="55"' in answer.text
    assert result_of(session, ours).score == 55
    # A page that leaves the field as it was does not put the old figure back, and agreeing is no conflict.
    assert enter(client, ours, "40", was="40").status_code == 303
    assert result_of(session, ours).score == 55
    assert enter(client, ours, "55", was="40").status_code == 303


@pytest.mark.parametrize("stranger", ["another class", "another school"])
def test_a_student_of_elsewhere_gets_no_result(
    client: Any, session: Any, two_schools: TwoSchools, stranger: str
) -> None:
    ours = two_schools.ours
    other = ours.students[3] if stranger == "another class" else two_schools.theirs.student
    log_in(client, ours.teacher)
    assert send(client, url(ours), **{f"score-{other.id}": "10", f"was-{other.id}": ""}).status_code == 404
    assert len(session.scalars(select(AssessmentResult)).all()) == 1


def test_another_schools_assessment_is_not_found(client: Any, two_schools: TwoSchools) -> None:
    log_in(client, two_schools.ours.teacher)
    for path in (url(two_schools.theirs), f"/marks/{two_schools.theirs.things['teaching_group'].id}"):
        answer = client.get(path)
        assert answer.status_code == 404
        assert two_schools.theirs.canary not in answer.text
    assert enter(client, two_schools.theirs, "1").status_code == 404


def test_who_taught_the_class_until_yesterday_enters_nothing(
    client: Any, session: Any, two_schools: TwoSchools
) -> None:
    session.scalar(select(TeachingGroupTeacher)).ends_on = TODAY - timedelta(1)
    session.flush()
    log_in(client, two_schools.ours.teacher)
    assert enter(client, two_schools.ours, "1").status_code == 404


def test_adding_an_assessment_twice_by_one_form_makes_one(client: Any, session: Any, two_schools: TwoSchools) -> None:
    ours = two_schools.ours
    log_in(client, ours.teacher)
    path = f"/marks/{ours.things['teaching_group'].id}"
    new = {
        "title": "Fractions",
        "due_on": TODAY.isoformat(),
        "maximum": "40",
        "once": hidden(client.get(path).text, "once"),
    }
    answers = [send(client, path, **new) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [303, 303]
    assert answers[0].location == answers[1].location
    made = session.scalars(select(Assessment).where(Assessment.title == "Fractions")).all()
    assert [one.maximum for one in made] == [40]
    assert send(client, path, **(new | {"once": new_once()})).location != answers[0].location


@pytest.mark.parametrize(
    ("field", "value", "word"),
    [("title", " ", "Title"), ("due_on", "soon", "Day"), ("due_on", "1999-01-01", "Day"), ("maximum", "0", "Out of")],
)
def test_an_assessment_that_cannot_stand_is_refused_by_its_field(
    client: Any, session: Any, two_schools: TwoSchools, field: str, value: str, word: str
) -> None:
    ours = two_schools.ours
    log_in(client, ours.teacher)
    data = {"title": "Test", "due_on": TODAY.isoformat(), "maximum": "10", field: value}
    path = f"/marks/{ours.things['teaching_group'].id}"
    for where in (path, url(ours, "/change")):
        answer = send(client, where, **data)
        assert answer.status_code == 400
        assert f"{word}:" in answer.text
    assert len(session.scalars(select(Assessment)).all()) == 1


def test_changing_an_assessment_keeps_its_results(client: Any, session: Any, two_schools: TwoSchools) -> None:
    ours = two_schools.ours
    log_in(client, ours.teacher)
    data = {"title": "Better title", "due_on": TODAY.isoformat(), "maximum": "80"}
    assert send(client, url(ours, "/change"), **data).status_code == 303
    found = result_of(session, ours)
    assert found.score == 40
    assert "average 50.0" in client.get(f"/marks/{ours.things['teaching_group'].id}").text


def test_a_failing_mark_in_a_core_subject_raises_an_alert_at_once(
    client: Any, session: Any, two_schools: TwoSchools
) -> None:
    ours = two_schools.ours
    for back in (3, 4):
        on = TODAY - timedelta(back)
        work = added(
            session, Assessment(teaching_group_id=ours.things["teaching_group"].id, title=f"T{back}", due_on=on)
        )
        added(session, AssessmentResult(assessment_id=work.id, student_id=ours.student.id, score=20, scored_on=on))
    log_in(client, ours.teacher)
    assert enter(client, ours, "21").status_code == 303
    assert [one.indicator for one in session.scalars(select(Alert).where(Alert.indicator == "C"))] == ["C"]


def test_a_class_page_takes_the_same_statements_whatever_its_size(
    client: Any, session: Any, two_schools: TwoSchools, statements: list[str]
) -> None:
    ours = two_schools.ours
    group = ours.things["teaching_group"]
    log_in(client, ours.teacher)
    paths = (f"/marks/{group.id}", url(ours))
    client.get(paths[0])
    counts = []
    for more in ((), ours.students[1:]):
        for one in more:
            added(session, TeachingGroupMember(teaching_group_id=group.id, student_id=one.id, starts_on=TODAY))
            added(session, Assessment(teaching_group_id=group.id, title=f"For {one.id}", due_on=TODAY))
        statements.clear()
        assert [client.get(path).status_code for path in paths] == [200, 200]
        counts.append(len(statements))
    assert counts[0] == counts[1] <= 20


@given(st.decimals(min_value=0, max_value=100000, places=3))
def test_a_mark_that_is_shown_is_read_back_exactly(value: Decimal) -> None:
    assert number(shown(value), "Result") == value


@given(st.text(max_size=12))
def test_any_text_is_a_mark_in_range_or_refused(text: str) -> None:
    try:
        found = number(text, "Result")
    except InvalidMark:
        return
    assert 0 <= found <= 100000


@pytest.mark.parametrize("text", ["0E-3", "-0", "1e2", "17,5"])
def test_a_number_is_kept_as_short_as_it_is(text: str) -> None:
    assert len(f"{number(text, 'Result'):f}") <= 5


@pytest.mark.parametrize(
    "text", ["0E-99999999", "0E+99999999", "1E+99999999", "1E-99999999", "0.0001", "NaN", "Infinity", "-1"]
)
def test_a_number_that_no_result_can_be_is_refused(text: str) -> None:
    with pytest.raises(InvalidMark, match=r"^Result: enter a number"):
        number(text, "Result")


def test_the_name_of_one_form_makes_nothing_in_another_class(
    client: Any, session: Any, two_schools: TwoSchools
) -> None:
    ours = two_schools.ours
    group = ours.things["teaching_group"]
    other = added(session, TeachingGroup(**{name: getattr(group, name) for name in COPIED}, name="Other"))
    added(session, TeachingGroupTeacher(teaching_group_id=other.id, account_id=ours.teacher.id, starts_on=TODAY))
    session.commit()
    log_in(client, ours.teacher)
    new = {"title": "Quiz", "due_on": TODAY.isoformat(), "maximum": "10", "once": new_once()}
    assert send(client, f"/marks/{group.id}", **new).status_code == 303
    assert send(client, f"/marks/{group.id}", **new).status_code == 303
    assert send(client, f"/marks/{other.id}", **new).status_code == 400


def test_an_assessment_made_by_mistake_is_removed_once_it_has_no_result(
    client: Any, session: Any, two_schools: TwoSchools
) -> None:
    ours = two_schools.ours
    log_in(client, ours.teacher)
    refused = send(client, url(ours, "/remove"))
    assert (refused.status_code, "It has results" in refused.text) == (400, True)
    for result in session.scalars(select(AssessmentResult)).all():
        result.score = None
    session.commit()
    assert send(client, url(ours, "/remove")).status_code == 303
    session.expire_all()
    assert session.scalars(select(Assessment)).all() == []
    assert session.scalars(select(AssessmentResult)).all() == []
