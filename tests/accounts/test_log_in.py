"""Logging in and out: who gets in, who does not, and what ends a session."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from school_app.accounts import passwords, service
from school_app.accounts.models import Account, AccountStatus, PasswordLink
from school_app.accounts.routes import safe_path
from school_app.audit.events import Event
from school_app.audit.models import AuditRow
from school_app.core.tenancy import all_schools
from tests.factories import PASSWORD, TwoSchools
from tests.visits import NEW, attempt, log_in, send, token_on


def events(session: Any) -> list[str]:
    with all_schools(session):
        return list(session.scalars(select(AuditRow.event).order_by(AuditRow.id)))


def test_login_and_wrong_password_are_both_recorded(client: Any, session: Any, two_schools: TwoSchools) -> None:
    session.commit()
    master, school_id = two_schools.ours.form_master, two_schools.ours.school.id
    account_id = master.id
    wrong = attempt(client, master.login, "wrong")
    unknown = attempt(client, "nobody", "wrong")
    assert (wrong.status_code, unknown.status_code) == (400, 400)
    assert service.WRONG in wrong.text
    assert service.WRONG in unknown.text
    assert attempt(client, master.login, PASSWORD).status_code == 303
    found = events(session)
    assert found.count(Event.LOGIN_FAILED) == 2
    assert found.count(Event.LOGGED_IN) == 1
    with all_schools(session):
        entered = session.scalars(select(AuditRow).where(AuditRow.event == Event.LOGGED_IN)).one()
    assert (entered.actor_id, entered.school_id) == (account_id, school_id)


def test_an_address_logs_in_where_one_active_account_has_it(client: Any, session: Any, two_schools: TwoSchools) -> None:
    ours = two_schools.ours
    ours.form_master.email = ours.head.email = "both@example.org"
    ours.teacher.email = "one@example.org"
    session.commit()
    assert attempt(client, "both@example.org", PASSWORD).status_code == 400
    assert attempt(client, "one@example.org", PASSWORD).status_code == 303


def test_disabled_and_invited_accounts_cannot_log_in(client: Any, session: Any, two_schools: TwoSchools) -> None:
    ours = two_schools.ours
    ours.teacher.status = AccountStatus.DISABLED
    ours.head.status, ours.head.password_hash = AccountStatus.INVITED, None
    session.commit()
    for person in (ours.teacher, ours.head):
        assert attempt(client, person.login, PASSWORD).status_code == 400


@pytest.mark.parametrize(
    ("target", "goes"),
    [
        ("/students?form=1", "/students?form=1"),
        ("//evil.example", None),
        ("/\\evil.example", None),
        ("https://evil.example", None),
        ("/a\nb", None),
        ("javascript:alert(1)", None),
    ],
)
def test_only_paths_of_this_site_are_gone_on_to(target: str, goes: str | None) -> None:
    assert safe_path(target) == goes


def test_too_many_tries_at_one_login_are_paused(client: Any, session: Any, two_schools: TwoSchools) -> None:
    session.commit()
    answers = [attempt(client, "somebody", "wrong").status_code for _ in range(11)]
    assert answers[:10] == [400] * 10
    assert answers[10] == 429
    assert attempt(client, two_schools.ours.head.login, PASSWORD).status_code == 303


def test_who_knows_the_password_is_not_paused_by_logging_in_nor_by_a_stranger(
    client: Any, session: Any, two_schools: TwoSchools
) -> None:
    session.commit()
    login = two_schools.ours.head.login
    assert [attempt(client.application.test_client(), login, PASSWORD).status_code for _ in range(12)] == [303] * 12
    stranger = client.application.test_client()
    stranger.environ_base["REMOTE_ADDR"] = "203.0.113.9"
    assert [attempt(stranger, login, "wrong").status_code for _ in range(12)][-1] == 429
    assert attempt(client.application.test_client(), login, PASSWORD).status_code == 303


def test_the_session_is_a_new_one_after_the_login_and_gone_after_the_logout(
    client: Any, session: Any, two_schools: TwoSchools
) -> None:
    session.commit()
    token_on(client, "/login")
    before = client.get_cookie("session") or next(iter(client._cookies.values()))
    log_in(client, two_schools.ours.head)
    after = client.get_cookie("session") or next(iter(client._cookies.values()))
    assert before.value != after.value
    assert send(client, "/logout").status_code == 303
    assert client.get("/students").status_code == 303


def test_logging_out_everywhere_ends_every_session(client: Any, session: Any, two_schools: TwoSchools) -> None:
    session.commit()
    other = log_in(client.application.test_client(), two_schools.ours.head)
    log_in(client, two_schools.ours.head)
    send(client, "/logout/everywhere")
    assert other.get("/students").status_code == 303


@pytest.mark.parametrize("spelling", ["head.ours\u200b", "h\u00e9ad.ours", "\uff48ead.ours", "HEAD.OURS"])
def test_one_account_has_one_name_however_it_is_spelt(
    client: Any, session: Any, two_schools: TwoSchools, spelling: str
) -> None:
    session.commit()
    assert two_schools.ours.head.login == "head.ours"
    found = attempt(client, spelling, PASSWORD).status_code
    assert found == (303 if spelling == "HEAD.OURS" else 400)


def test_an_address_of_two_accounts_names_the_one_that_the_password_is_of(
    client: Any, session: Any, two_schools: TwoSchools
) -> None:
    ours, theirs = two_schools.ours.auditor.id, two_schools.theirs.admin.id
    with client.application.app_context(), all_schools(session):
        for number, id_ in enumerate((ours, theirs)):
            one = session.get(Account, id_)
            one.email = "same@example.org"
            one.password_hash = passwords.hashed(f"{NEW} {number}")
    session.commit()
    assert attempt(client.application.test_client(), "same@example.org", f"{NEW} 0").status_code == 303
    assert attempt(client.application.test_client(), "same@example.org", f"{NEW} 1").status_code == 303
    assert attempt(client.application.test_client(), "same@example.org", f"{NEW} 2").status_code == 400
    service.ask_for_link(session, "same@example.org")
    service.ask_for_link(session, "same@example.org")
    with all_schools(session):
        assert sorted(session.scalars(select(PasswordLink.account_id)).all()) == sorted([ours, theirs])


def test_a_person_with_a_very_long_name_can_work(client: Any, session: Any, two_schools: TwoSchools) -> None:
    ours = two_schools.ours
    ours.form_master.given_name, ours.form_master.family_name = "Ä" * 120, "Ö" * 120
    session.commit()
    log_in(client, ours.form_master)
    assert send(client, f"/students/{ours.student.id}/notes", body="A note.", kind="general").status_code == 303
