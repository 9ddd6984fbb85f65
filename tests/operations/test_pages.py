"""The operators' pages: what they hold on a phone as well, and what stands at their foot."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select, update

from school_app.audit.models import AuditRow
from school_app.core.jobs import JobRun
from school_app.core.tenancy import all_schools
from school_app.schools.models import School
from tests.factories import TwoSchools
from tests.visits import log_in, send


def test_a_job_says_in_its_first_cell_for_a_phone_whose_it_is_and_when_it_was_queued(
    client: Any, session: Any, two_schools: TwoSchools
) -> None:
    name, school_id = two_schools.ours.school.name, two_schools.ours.school.id
    with all_schools(session):
        for number in (school_id, None):
            session.add(JobRun(school_id=number, name="workers.jobs.evaluate_school", arguments={}))
            session.flush()
        session.commit()
    page = log_in(client, two_schools.operator).get("/platform/jobs").text
    first_cells = [row.partition("</td>")[0] for row in page.split("<tr>")[2:]]
    assert len(first_cells) == 2
    for cell, whose in zip(first_cells, ("the platform", name), strict=True):
        assert f'<span class="only-phone context">{whose}</span>' in cell
        assert '<span class="only-phone context">queued ' in cell


def test_an_operator_is_told_where_changes_are_kept_and_there_they_are(
    client: Any, session: Any, two_schools: TwoSchools
) -> None:
    operator_id, ours = two_schools.operator.id, two_schools.ours.school.id
    with all_schools(session):
        session.execute(update(School).values(sourced_id=None), execution_options={"audit_reason": "no rosters yet"})
        session.commit()
    log_in(client, two_schools.operator)
    page = client.get("/platform/schools").text
    assert "What you change here is kept in the audit log." in page
    assert "school’s history" not in page
    send(client, f"/platform/schools/{ours}/roster-id", sourced_id="77")
    with all_schools(session):
        kept = select(AuditRow.event).where(AuditRow.actor_id == operator_id, AuditRow.entity_type == "school")
        assert len(session.scalars(kept).all()) == 1
    send(client, f"/platform/schools/{ours}/enter", reason="To look at the footer of it")
    assert "is kept in the school’s history" in client.get("/").text


def test_people_of_a_school_are_told_of_their_own_history(client: Any, session: Any, two_schools: TwoSchools) -> None:
    session.commit()
    assert "is kept in your school’s history" in log_in(client, two_schools.ours.admin).get("/").text
