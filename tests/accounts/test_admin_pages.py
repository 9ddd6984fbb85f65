"""What an admin does to accounts, and what not."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from school_app.accounts import service, staff
from school_app.accounts.models import Account, AccountRole, AccountStatus
from school_app.accounts.staff import InvalidAccount
from school_app.core.permissions import Role
from tests.factories import TwoSchools, account
from tests.visits import log_in, send


def test_an_admin_corrects_whose_an_account_is(client: Any, session: Any, two_schools: TwoSchools) -> None:
    ours = two_schools.ours
    session.commit()
    log_in(client, ours.admin)
    path = f"/admin/accounts/{ours.teacher.id}/person"
    person = {"given_name": "Tom", "family_name": "Reed", "email": "tom@example.org"}
    assert send(client, path, **person).status_code == 303
    session.refresh(ours.teacher)
    assert (ours.teacher.name, ours.teacher.email) == ("Tom Reed", "tom@example.org")
    for wrong in ({"given_name": " "}, {"family_name": "x" * 121}, {"email": "nowhere"}):
        assert send(client, path, **(person | wrong)).status_code == 400
    ours.teacher.sourced_id = "T1"
    session.commit()
    refused = send(client, path, **(person | {"given_name": "Tim"}))
    assert (refused.status_code, "correct it where the roster is made" in refused.text) == (400, True)
    assert send(client, path, **(person | {"email": ""})).status_code == 303
    assert send(client, f"/admin/accounts/{two_schools.theirs.teacher.id}/person", **person).status_code == 404


def test_nobody_grants_the_auditors_right_to_themself(session: Any, two_schools: TwoSchools) -> None:
    admin = two_schools.ours.admin
    with pytest.raises(InvalidAccount, match="another admin"):
        staff.set_roles(session, admin.id, frozenset({Role.SCHOOL_ADMIN, Role.AUDITOR}), by_id=admin.id)
    with pytest.raises(InvalidAccount, match="operators belong to the platform"):
        staff.set_roles(session, two_schools.ours.teacher.id, frozenset({Role.OPERATOR}), by_id=admin.id)


def test_the_last_admin_stays(session: Any, two_schools: TwoSchools) -> None:
    admin = two_schools.ours.admin
    with pytest.raises(InvalidAccount, match="last active admin"):
        staff.disable(session, admin.id, by_id=two_schools.ours.head.id)
    second = account(session, "second.ours", Role.SCHOOL_ADMIN)
    assert staff.disable(session, admin.id, by_id=second.id).status is AccountStatus.DISABLED
    with pytest.raises(InvalidAccount, match="last active admin"):
        staff.set_roles(session, second.id, frozenset({Role.TEACHER}), by_id=None)


def test_a_disabled_account_is_out_at_once(client: Any, session: Any, two_schools: TwoSchools) -> None:
    ours = two_schools.ours
    session.commit()
    log_in(client, ours.teacher)
    admin = log_in(client.application.test_client(), ours.admin)
    send(admin, f"/admin/accounts/{ours.teacher.id}/disable")
    assert client.get("/students").status_code == 303


def test_an_admin_makes_an_account_and_its_link_goes_by_mail(
    client: Any, session: Any, two_schools: TwoSchools
) -> None:
    session.commit()
    log_in(client, two_schools.ours.admin)
    data = {
        "given_name": "Nora",
        "family_name": "New",
        "login": "nora@ours",
        "email": "n@example.org",
        "roles": "teacher",
    }
    assert send(client, "/admin/accounts/new", **data).status_code == 303
    made = session.scalars(select(Account).where(Account.login == "nora@ours")).one()
    assert made.status is AccountStatus.INVITED
    assert session.scalars(select(AccountRole.role).where(AccountRole.account_id == made.id)).all() == [Role.TEACHER]
    assert "somebody has it already" in send(client, "/admin/accounts/new", **data).text


@pytest.mark.parametrize(
    ("login", "kept"),
    [
        ("nora", "nora@ours"),
        ("Nora.New@OURS", "nora.new@ours"),
        ("nora@theirs", None),
        ("head.theirs@example.org", None),
        ("n\u0430dia", None),
        ("nora\u200b", None),
        ("-nora", None),
        ("x" * 101, None),
    ],
)
def test_a_login_is_of_its_school_alone(
    client: Any, session: Any, two_schools: TwoSchools, login: str, kept: str | None
) -> None:
    session.commit()
    log_in(client, two_schools.ours.admin)
    data = {"given_name": "Nora", "family_name": "New", "login": login, "roles": "teacher"}
    assert send(client, "/admin/accounts/new", **data).status_code == (303 if kept else 400)
    found = session.scalar(select(Account.login).where(Account.given_name == "Nora"))
    assert found == kept


@pytest.mark.parametrize(
    "email", ["no-at-sign", "a@b", "a@b.example, c@d.example", "a@b.example,c", "a@b.org\nBcc: x@y.org"]
)
def test_an_address_that_is_none_or_two_is_refused(
    client: Any, session: Any, two_schools: TwoSchools, email: str
) -> None:
    session.commit()
    log_in(client, two_schools.ours.admin)
    data = {"given_name": "Nora", "family_name": "New", "login": "nora", "email": email, "roles": "teacher"}
    assert send(client, "/admin/accounts/new", **data).status_code == 400


def test_an_admin_does_not_take_the_auditors_address_nor_keep_a_link_alive(
    client: Any, session: Any, two_schools: TwoSchools
) -> None:
    ours = two_schools.ours
    ours.auditor.email, ours.teacher.email = "a@example.org", "t@example.org"
    link = service.make_link(session, ours.teacher.id)
    session.commit()
    log_in(client, ours.admin)
    for one, status in ((ours.auditor, 400), (ours.teacher, 303)):
        data = {"given_name": one.given_name, "family_name": one.family_name, "email": "mine@example.org"}
        assert send(client, f"/admin/accounts/{one.id}/person", **data).status_code == status
    session.refresh(link)
    assert link.used_at is not None
