"""Who decides on an alert: handed on by a person, or by the night once the decider has the student no more."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import select

from school_app.accounts.models import Account, AccountStatus
from school_app.alerts.evaluation import evaluate
from school_app.alerts.models import Alert, AlertStatus
from school_app.audit.events import Event
from school_app.audit.models import AuditRow
from school_app.behaviour.models import Incident
from school_app.features import fact_sources
from school_app.schools.models import FormMaster
from tests.days import TODAY
from tests.factories import TwoSchools, World, added
from tests.visits import log_in, send


def waiting(session: Any, world: World) -> Alert:
    """An alert that holds by its facts and waits for the form's master."""
    for back in (1, 2):
        values = {"occurred_on": TODAY - timedelta(back), "category": "Fight", "severity": 3, "description": "Yard."}
        added(session, Incident(student_id=world.student.id, **values))
    judged(session, world)
    found: Alert = session.scalars(
        select(Alert).where(
            Alert.student_id == world.student.id, Alert.rule == "behaviour", Alert.status == AlertStatus.OPEN
        )
    ).one()
    assert found.assigned_to == world.form_master.id
    session.commit()
    return found


def judged(session: Any, world: World) -> None:
    evaluate(session, fact_sources(), [one.id for one in world.students], as_of=TODAY)


def test_an_alert_is_handed_on_to_somebody_who_cares_for_the_student(
    client: Any, session: Any, two_schools: TwoSchools
) -> None:
    ours = two_schools.ours
    path = f"/alerts/{waiting(session, ours).id}"
    log_in(client, ours.form_master)
    assert "Hand it on" in client.get(path).text
    for wrong in (two_schools.theirs.admin.id, ours.teacher.id, 0):
        answer = send(client, f"{path}/decider", to=str(wrong), why="Please look.")
        assert (answer.status_code, "choose one of the people listed" in answer.text) == (400, True)
    refused = send(client, f"{path}/decider", to=str(ours.admin.id), why=" ")
    assert refused.status_code == 400
    # What was chosen stands in the open form, beside the reason.
    assert '<details class="chooser " open>' in refused.text
    assert send(client, f"{path}/decider", to=str(ours.admin.id), why="Please look.").status_code == 303
    session.expire_all()
    assert session.get(Alert, int(path.split("/")[2])).assigned_to == ours.admin.id
    admin = log_in(client.application.test_client(), ours.admin)
    assert f"Handed on by {ours.form_master.name}: Please look." in admin.get(path).text
    assert send(client, f"{path}/decider", to=str(ours.admin.id), why="Again.").status_code == 400
    row = session.scalars(select(AuditRow).where(AuditRow.event == Event.ALERT_HANDED_ON.value)).one()
    assert (row.actor_id, "Please look." in row.reason) == (ours.form_master.id, True)
    judged(session, ours)
    assert session.get(Alert, int(path.split("/")[2])).assigned_to == ours.admin.id


def test_a_former_master_no_longer_reads_of_the_student_and_the_new_one_does(
    client: Any, session: Any, two_schools: TwoSchools
) -> None:
    ours = two_schools.ours
    alert = waiting(session, ours)
    duty = session.scalars(select(FormMaster).where(FormMaster.account_id == ours.form_master.id)).one()
    duty.ends_on = TODAY - timedelta(days=1)
    added(session, FormMaster(form_id=duty.form_id, account_id=ours.teacher.id, starts_on=TODAY))
    other = session.scalars(select(FormMaster).where(FormMaster.account_id == ours.other_master.id)).one()
    added(session, FormMaster(form_id=other.form_id, account_id=ours.form_master.id, starts_on=TODAY))
    session.commit()
    log_in(client, ours.form_master)
    assert alert.reason not in client.get("/").text
    judged(session, ours)
    assert session.get(Alert, alert.id).assigned_to == ours.teacher.id


def test_the_alert_of_a_disabled_decider_goes_to_the_forms_master(session: Any, two_schools: TwoSchools) -> None:
    ours = two_schools.ours
    alert = waiting(session, ours)
    alert.assigned_to = ours.admin.id
    session.get(Account, ours.admin.id).status = AccountStatus.DISABLED
    session.flush()
    judged(session, ours)
    assert alert.assigned_to == ours.form_master.id
