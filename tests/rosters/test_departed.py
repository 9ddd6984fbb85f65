"""Staff who have left by the roster have no access: duties end, the account is disabled, and all of it is recorded."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from school_app.accounts.login import SessionKey, load_viewer
from school_app.accounts.models import Account, AccountRole, AccountStatus
from school_app.audit.events import Event
from school_app.audit.models import AuditRow
from school_app.core.permissions import Role
from school_app.rosters.brake import ImportBrake
from school_app.schools.models import Form, FormMaster, HeadOfYear, TeachingGroupTeacher, YearGroup
from school_app.schools.service import appoint_head, appoint_master
from school_app.students.models import Student
from school_app.students.queries import guardians_of
from tests.days import TODAY
from tests.factories import account
from tests.rosters.bundles import Rows, school
from tests.rosters.imports import bring_in, changed, without

YESTERDAY = TODAY - timedelta(days=1)
BEGAN = date(2025, 9, 1)


def staffed() -> Rows:
    """The school with a second teacher, who teaches as Tess does."""
    rows = school()
    tess = rows["users.csv"][0]
    places = [one for one in rows["enrollments.csv"] if one["userSourcedId"] == "t1"]
    rows["users.csv"].append({**tess, "sourcedId": "t2", "username": "uma", "givenName": "Uma"})
    rows["enrollments.csv"] += [{**one, "sourcedId": f"{one['sourcedId']}-2", "userSourcedId": "t2"} for one in places]
    return rows


def dropped(rows: Rows) -> Rows:
    return without(without(rows, "enrollments.csv", userSourcedId="t1"), "users.csv", sourcedId="t1")


def tess(session: Any) -> Account:
    found: Account = session.scalars(select(Account).where(Account.sourced_id == "t1")).one()
    return found


def ends(session: Any, model: Any, of: Account) -> list[date | None]:
    rows = session.scalars(select(model).where(model.account_id == of.id).order_by(model.id))
    return [one.ends_on for one in rows]


def log_in(session: Any, of: Account) -> str:
    """Let somebody who was invited in; returns the key of their session."""
    of.status = AccountStatus.ACTIVE
    session.flush()
    key = str(SessionKey(of.id, of.session_version))
    assert load_viewer(session, key) is not None
    return key


def test_duties_that_are_listed_no_longer_end_the_day_before(session: Any, tmp_path: Path) -> None:
    bring_in(session, tmp_path, staffed())
    rows = without(staffed(), "enrollments.csv", userSourcedId="t1")
    outcome = bring_in(session, tmp_path, rows).schools["Hill School"]
    assert outcome.ended == {"form_master": 1, "teaching_group_teacher": 1}
    assert ends(session, FormMaster, tess(session)) == [YESTERDAY]
    assert ends(session, TeachingGroupTeacher, tess(session)) == [YESTERDAY]
    assert tess(session).status is AccountStatus.INVITED
    assert bring_in(session, tmp_path, rows).differences == 0
    assert bring_in(session, tmp_path, staffed()).schools["Hill School"].changed == {
        "form_master": 1,
        "teaching_group_teacher": 1,
    }
    assert ends(session, FormMaster, tess(session)) == [None]


@pytest.mark.parametrize(
    "leave",
    [
        dropped,
        lambda rows: changed(rows, "users.csv", "t1", enabledUser="false"),
        lambda rows: changed(rows, "users.csv", "t1", status="tobedeleted"),
        lambda rows: changed(rows, "users.csv", "t1", role="parent"),
        lambda rows: changed(rows, "users.csv", "t1", orgSourcedIds="D"),
    ],
    ids=["dropped", "not enabled", "to be deleted", "a parent now", "elsewhere"],
)
def test_who_has_left_has_no_access_and_keeps_the_history(
    session: Any, tmp_path: Path, leave: Callable[[Rows], Rows]
) -> None:
    bring_in(session, tmp_path, staffed())
    key = log_in(session, tess(session))
    rows = leave(staffed())
    outcome = bring_in(session, tmp_path, rows).schools["Hill School"]
    assert outcome.ended == {"form_master": 1, "teaching_group_teacher": 1, "account": 1}
    gone = tess(session)
    assert (gone.status, gone.session_version) == (AccountStatus.DISABLED, 2)
    assert load_viewer(session, key) is None
    assert ends(session, FormMaster, gone) + ends(session, TeachingGroupTeacher, gone) == [YESTERDAY, YESTERDAY]
    recorded = session.scalars(select(AuditRow).where(AuditRow.event == Event.ACCOUNT_DISABLED)).one()
    assert (recorded.entity_id, recorded.reason) == (gone.id, "roster import: no longer listed as active staff")
    assert bring_in(session, tmp_path, rows).differences == 0


def test_duties_of_a_departed_teacher_that_the_school_gave_end_too(session: Any, tmp_path: Path) -> None:
    bring_in(session, tmp_path, staffed())
    group = session.scalars(select(YearGroup)).one()
    appoint_head(session, group.id, tess(session).id, from_day=TODAY - timedelta(days=9), today=TODAY)
    bring_in(session, tmp_path, dropped(staffed()))
    assert ends(session, HeadOfYear, tess(session)) == [YESTERDAY]


def test_a_duty_that_was_only_to_begin_is_taken_away(session: Any, tmp_path: Path) -> None:
    later = changed(staffed(), "enrollments.csv", "e1", beginDate=str(TODAY + timedelta(days=30)))
    bring_in(session, tmp_path, later)
    bring_in(session, tmp_path, dropped(staffed()))
    assert ends(session, FormMaster, tess(session)) == []


def test_whom_the_school_made_or_appointed_itself_is_left_alone(session: Any, tmp_path: Path) -> None:
    bring_in(session, tmp_path, staffed())
    own = account(session, "own@hill", Role.TEACHER)
    form = session.scalars(select(Form)).one()
    appoint_master(session, form.id, own.id, from_day=TODAY - timedelta(days=9), today=TODAY)
    appoint_master(session, form.id, tess(session).id, from_day=TODAY - timedelta(days=5), today=TODAY)
    rows = without(staffed(), "enrollments.csv", userSourcedId="t1")
    bring_in(session, tmp_path, rows)
    assert own.status is AccountStatus.ACTIVE
    assert ends(session, FormMaster, own) == [TODAY - timedelta(days=6)]
    # The roster's own row of her had ended when the school appointed somebody else; the school's stays.
    assert ends(session, FormMaster, tess(session)) == [TODAY - timedelta(days=10), None]


def test_the_last_admin_keeps_the_account_and_it_is_said(session: Any, tmp_path: Path) -> None:
    bring_in(session, tmp_path, staffed())
    session.add(AccountRole(account_id=tess(session).id, role=Role.SCHOOL_ADMIN))
    key = log_in(session, tess(session))
    outcome = bring_in(session, tmp_path, dropped(staffed()))
    assert load_viewer(session, key) is not None
    assert [str(one) for one in outcome.problems.warnings if "admin" in one.message] == [
        "users.csv: Tess Teacher, the school’s last admin, is no longer listed. "
        "The account is kept. Make another admin, then disable this one."
    ]
    assert ends(session, FormMaster, tess(session)) == [YESTERDAY]
    account(session, "second@hill", Role.SCHOOL_ADMIN)
    assert bring_in(session, tmp_path, dropped(staffed())).schools["Hill School"].ended == {"account": 1}
    assert load_viewer(session, key) is None


def test_who_comes_back_has_the_duties_and_waits_for_an_admin(session: Any, tmp_path: Path) -> None:
    bring_in(session, tmp_path, staffed())
    bring_in(session, tmp_path, dropped(staffed()))
    outcome = bring_in(session, tmp_path, staffed())
    assert ends(session, FormMaster, tess(session)) == [None]
    assert tess(session).status is AccountStatus.DISABLED
    assert "Tess Teacher is listed, and the account is disabled." in [one.message for one in outcome.problems.warnings]


def test_a_teacher_who_left_a_class_and_came_back_teaches_it(session: Any, tmp_path: Path) -> None:
    rows = changed(staffed(), "enrollments.csv", "e4", endDate="2025-10-01")
    first = next(one for one in rows["enrollments.csv"] if one["sourcedId"] == "e4")
    rows["enrollments.csv"].append({**first, "sourcedId": "e4b", "beginDate": "2025-11-01", "endDate": ""})
    bring_in(session, tmp_path, rows)
    assert ends(session, TeachingGroupTeacher, tess(session)) == [None]
    assert bring_in(session, tmp_path, rows).differences == 0


def test_a_roster_that_takes_many_of_the_staff_away_is_stopped(session: Any, tmp_path: Path) -> None:
    rows = staffed()
    one = rows["users.csv"][0]
    rows["users.csv"] += [{**one, "sourcedId": f"u{number}", "username": f"u{number}"} for number in range(4)]
    bring_in(session, tmp_path, rows)
    with pytest.raises(ImportBrake, match="4 of 6 members of staff"):
        bring_in(session, tmp_path, staffed())


def in_roles(**fields: str) -> Rows:
    """The school in version 1.2, the teacher's role changed, or with another one for a `sourcedId` of its own."""
    rows = school("1.2")
    role = rows["roles.csv"][0]
    if "sourcedId" in fields:
        rows["roles.csv"].append({**role, **fields})
    else:
        role.update(fields)
    return rows


@pytest.mark.parametrize(
    "fields",
    [{"endDate": str(YESTERDAY)}, {"status": "tobedeleted"}, {"orgSourcedId": "D"}],
    ids=["ended", "to be deleted", "elsewhere"],
)
def test_who_has_the_role_no_longer_has_no_access(session: Any, tmp_path: Path, fields: dict[str, str]) -> None:
    bring_in(session, tmp_path, school("1.2"), version="1.2")
    rows = in_roles(**fields)
    assert bring_in(session, tmp_path, rows, version="1.2").schools["Hill School"].ended["account"] == 1
    assert tess(session).status is AccountStatus.DISABLED
    assert ends(session, FormMaster, tess(session)) == [YESTERDAY]
    assert bring_in(session, tmp_path, rows, version="1.2").differences == 0


def test_a_role_holds_on_its_last_day(session: Any, tmp_path: Path) -> None:
    bring_in(session, tmp_path, in_roles(endDate=str(TODAY)), version="1.2")
    assert tess(session).status is AccountStatus.INVITED


def test_a_teacher_who_is_a_parent_as_well_is_both(session: Any, tmp_path: Path) -> None:
    rows = in_roles(sourcedId="more", roleType="secondary", role="parent")
    bring_in(session, tmp_path, changed(rows, "users.csv", "s1", agentSourcedIds="p1,t1"), version="1.2")
    assert tess(session).status is AccountStatus.INVITED
    ann = session.scalars(select(Student).where(Student.sourced_id == "s1")).one()
    assert [one.given_name for one in guardians_of(session, ann.id)] == ["Pat", "Tess"]
