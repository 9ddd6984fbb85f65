"""The pages of retention: an admin says how long and sets holds, an auditor looks, an operator sets what is preset."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from school_app.audit.models import AuditRow
from school_app.audit.retention.models import LegalHold, RetentionRule
from school_app.core.tenancy import all_schools
from tests.factories import TwoSchools
from tests.visits import log_in, send

LAW = "Records Act 2020, section 7"


def rules(session: Any) -> list[tuple[int | None, str, int]]:
    with all_schools(session):
        return [(one.school_id, one.data_class.value, one.years) for one in session.scalars(select(RetentionRule))]


def test_an_admin_sets_the_schools_own_time_and_it_is_audited(
    client: Any, session: Any, two_schools: TwoSchools
) -> None:
    ours = two_schools.ours
    admin = log_in(client, ours.admin)
    assert "10" in admin.get("/admin/retention").text
    wrong = send(admin, "/admin/retention", data_class="school_log", years="0", source=LAW)
    assert (wrong.status_code, "enter a number from 1 to 100" in wrong.text) == (400, True)
    few = send(admin, "/admin/retention", data_class="school_log", years="9", source=LAW)
    assert (few.status_code, "enter 10 or more; the platform keeps" in few.text) == (400, True)
    assert send(admin, "/admin/retention", data_class="platform_log", years="5", source=LAW).status_code == 400
    assert send(admin, "/admin/retention", data_class="nothing", years="5", source=LAW).status_code == 404
    assert send(admin, "/admin/retention", data_class="school_log", years="12", source=LAW).status_code == 303
    assert rules(session) == [(ours.school.id, "school_log", 12)]
    assert LAW in admin.get("/admin/retention").text
    with all_schools(session):
        (told,) = session.scalars(select(AuditRow).where(AuditRow.entity_type == "retention_rule")).all()
    assert (told.school_id, told.changes["years"], told.actor_id) == (ours.school.id, [None, 12], ours.admin.id)


def test_an_admin_sets_a_hold_on_a_student_and_releases_it(client: Any, session: Any, two_schools: TwoSchools) -> None:
    ours, theirs = two_schools.ours, two_schools.theirs
    admin = log_in(client, ours.admin)
    why = "A court has asked for it"
    for student, reason in ((str(theirs.student.id), why), ("x", why), ("", "short")):
        assert send(admin, "/admin/retention/holds", student=student, reason=reason).status_code == 400
    assert send(admin, "/admin/retention/holds", student=str(ours.student.id), reason=why).status_code == 303
    with all_schools(session):
        (hold,) = session.scalars(select(LegalHold)).all()
        assert (hold.school_id, hold.student_id, hold.set_by_name) == (ours.school.id, ours.student.id, ours.admin.name)
    assert why in admin.get("/admin/retention").text
    release = f"/admin/retention/holds/{hold.id}/release"
    assert send(admin, release, reason="short").status_code == 400
    assert send(admin, release, reason="The case is closed").status_code == 303
    assert send(admin, release, reason="The case is closed").status_code == 404
    assert "released by" in admin.get("/admin/retention").text


def test_an_auditor_looks_and_changes_nothing(client: Any, session: Any, two_schools: TwoSchools) -> None:
    auditor = log_in(client, two_schools.ours.auditor)
    shown = auditor.get("/admin/retention")
    assert (shown.status_code, "Set a hold" in shown.text, "<form" in shown.text.split("<main")[1]) == (
        200,
        False,
        False,
    )
    assert send(auditor, "/admin/retention", data_class="school_log", years="12", source=LAW).status_code == 403


def test_an_operator_sets_what_holds_where_a_school_says_nothing(
    client: Any, session: Any, two_schools: TwoSchools
) -> None:
    ours = two_schools.ours.school
    school_id, name = ours.id, ours.name
    operator = log_in(client, two_schools.operator)
    assert send(operator, "/platform/retention", data_class="platform_log", years="7", source=LAW).status_code == 303
    assert send(operator, "/platform/retention", data_class="school_log", years="15", source=LAW).status_code == 303
    assert sorted(rules(session), key=str) == [(None, "platform_log", 7), (None, "school_log", 15)]
    with all_schools(session):
        hold = LegalHold(school_id=school_id, reason="A hold of some length", set_by_name="Ada")
        session.add(hold)
        session.commit()
    shown = operator.get("/platform/retention").text
    assert name in shown
    assert f"school {school_id}" not in shown
    assert "7 years from" in shown
    assert ">15<" in shown


def test_the_page_asks_the_same_number_of_statements_however_much_there_is(
    client: Any, session: Any, two_schools: TwoSchools, statements: list[str]
) -> None:
    admin = log_in(client, two_schools.ours.admin)
    admin.get("/admin/retention")
    counts = []
    for number in (0, 20):
        for _ in range(number):
            session.add(
                LegalHold(school_id=two_schools.ours.school.id, reason="A hold of some length", set_by_name="Ada")
            )
        session.commit()
        statements.clear()
        assert admin.get("/admin/retention").status_code == 200
        counts.append(len(statements))
    assert counts[0] == counts[1]
