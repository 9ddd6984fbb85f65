"""A student's results on the student's page: all of them by subject and term, and to a teacher those of own classes."""

from __future__ import annotations

from datetime import timedelta
from fractions import Fraction
from typing import Any

from school_app.marks.models import Assessment, AssessmentResult
from school_app.marks.results import MOST_SHOWN, results_by_subject
from school_app.schools.models import Subject, TeachingGroup, TeachingGroupTeacher, Term, TermKind
from school_app.students.models import TeachingGroupMember
from tests.days import TODAY
from tests.factories import TwoSchools, World, added
from tests.visits import log_in, send


def group_in(session: Any, world: World, subject: str) -> TeachingGroup:
    """A class of the first student in another subject, taught by nobody yet."""
    made: TeachingGroup = added(
        session,
        TeachingGroup(
            school_year_id=world.things["year"].id,
            subject_id=added(session, Subject(name=subject, is_core=False)).id,
            name=f"{subject} 9A",
        ),
    )
    added(session, TeachingGroupMember(teaching_group_id=made.id, student_id=world.student.id, starts_on=TODAY))
    return made


def result(session: Any, world: World, group: TeachingGroup, title: str, **values: Any) -> None:
    on = values.pop("on", TODAY - timedelta(3))
    work = added(session, Assessment(teaching_group_id=group.id, title=title, due_on=on, maximum=values.pop("of", 50)))
    added(session, AssessmentResult(assessment_id=work.id, student_id=world.student.id, scored_on=on, **values))


def test_a_master_sees_all_results_and_a_teacher_those_of_own_classes(
    client: Any, session: Any, two_schools: TwoSchools
) -> None:
    ours = two_schools.ours
    history = group_in(session, ours, "History")
    for number in range(20):
        result(session, ours, history, f"Essay {number}", score=30)
    session.commit()
    path = f"/students/{ours.student.id}"
    page = log_in(client, ours.form_master).get(path).text
    assert page.count("Essay ") == 20
    assert "Test canary-ours" in page
    other = log_in(client.application.test_client(), ours.teacher).get(path).text
    assert "Test canary-ours" in other
    assert "Essay " not in other
    added(session, TeachingGroupTeacher(teaching_group_id=history.id, account_id=ours.teacher.id, starts_on=TODAY))
    session.commit()
    assert "Essay 19" in log_in(client.application.test_client(), ours.teacher).get(path).text


def test_results_are_gathered_by_subject_and_term_with_what_counts(session: Any, two_schools: TwoSchools) -> None:
    ours = two_schools.ours
    year = ours.things["year"]
    history = group_in(session, ours, "History")
    short = Term(
        school_year_id=year.id,
        name="Half term",
        kind=TermKind.GRADING_PERIOD,
        starts_on=TODAY - timedelta(10),
        ends_on=TODAY,
    )
    added(session, short)
    result(session, ours, history, "Late work", score=30)
    result(session, ours, history, "Excused work", score=0, score_status="exempt")
    result(session, ours, history, "Missing work", score=None, score_status="not submitted")
    result(session, ours, history, "Old work", score=25, on=TODAY - timedelta(40))
    found = results_by_subject(session, ours.student.id, first=year.starts_on, on=TODAY)
    assert [(one.subject, one.count) for one in found] == [("History", 4), ("Mathematics canary-ours", 1)]
    assert [(term.term, term.counted, term.average_percent) for term in found[0].terms] == [
        ("Half term", 1, Fraction(60)),
        ("Term canary-ours", 1, Fraction(50)),
    ]
    assert found[0].terms[0].results[0].status == "not submitted"


def test_a_class_lists_its_assessments_with_their_term(client: Any, two_schools: TwoSchools) -> None:
    ours = two_schools.ours
    page = log_in(client, ours.teacher).get(f"/marks/{ours.things['teaching_group'].id}").text
    assert "Term canary-ours · " in page


def test_a_refused_assessment_leaves_its_form_open(client: Any, two_schools: TwoSchools) -> None:
    ours = two_schools.ours
    log_in(client, ours.teacher)
    data = {"title": "Fractions", "due_on": TODAY.isoformat(), "maximum": "0"}
    paths = {
        f"/marks/{ours.things['teaching_group'].id}": "",
        f"/assessments/{ours.things['assessment'].id}": "/change",
    }
    for path, tail in paths.items():
        assert '<details class="chooser ">' in client.get(path).text
        refused = send(client, path + tail, **data).text
        assert '<details class="chooser " open>' in refused
        assert 'value="Fractions"' in refused
    score = send(client, f"/assessments/{ours.things['assessment'].id}", **{f"score-{ours.student.id}": "x"}).text
    assert '<details class="chooser ">' in score


def test_a_subject_lists_its_latest_results_and_says_of_how_many(
    client: Any, session: Any, two_schools: TwoSchools
) -> None:
    ours = two_schools.ours
    history = group_in(session, ours, "History")
    for number in range(MOST_SHOWN + 1):
        result(session, ours, history, f"Test {number}", score=30, on=TODAY - timedelta(number % 7))
    session.commit()
    page = log_in(client, ours.form_master).get(f"/students/{ours.student.id}").text
    assert f"These are the latest {MOST_SHOWN} of {MOST_SHOWN + 1} results." in page
