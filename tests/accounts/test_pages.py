"""Logging in and out, passwords and their links, and what an admin does to accounts."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from school_app.accounts import passwords, service, staff
from school_app.accounts.mailing import mail_password_link
from school_app.accounts.models import Account, AccountRole, AccountStatus, OperatorEntry, PasswordLink
from school_app.accounts.passwords import BadPassword, check_new
from school_app.accounts.routes import safe_path
from school_app.accounts.staff import InvalidAccount
from school_app.audit.events import Event
from school_app.audit.models import AuditRow
from school_app.core.permissions import Role
from school_app.core.tenancy import all_schools
from school_app.schools.context import school_changed
from school_app.schools.models import School
from tests.factories import PASSWORD, TwoSchools, account
from tests.visits import log_in, send, token_on

NONCE = re.compile(r'nonce="[^"]*"|value="[^"]*"')
NEW = "orange bicycle window river"


def attempt(client: Any, name: str, password: str, path: str = "/login") -> Any:
    token = token_on(client, "/login")
    return client.post(path, data={"name": name, "password": password, "csrf_token": token})


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


def test_changing_the_password_ends_the_other_sessions(client: Any, session: Any, two_schools: TwoSchools) -> None:
    session.commit()
    head = two_schools.ours.head
    other = log_in(client.application.test_client(), head)
    log_in(client, head)
    assert "this is not it" in send(client, "/account/password", old="wrong", new=NEW, again=NEW).text
    assert (
        "easy to guess"
        in send(client, "/account/password", old=PASSWORD, new="password1234", again="password1234").text
    )
    assert send(client, "/account/password", old=PASSWORD, new=NEW, again=NEW).status_code == 303
    assert client.get("/students").status_code == 200
    assert other.get("/students").status_code == 303
    assert attempt(client.application.test_client(), head.login, NEW).status_code == 303


@pytest.mark.parametrize("password", ["short", "x" * 201, "formroom2026", "aaaaaaaaaaaa", "ada.byron.ours"])
def test_a_password_that_anybody_would_try_is_refused(password: str) -> None:
    with pytest.raises(BadPassword):
        check_new(password, login="ada.byron.ours", name="Ada Byron")


def test_a_link_sets_a_password_once(
    app: Any, client: Any, session: Any, two_schools: TwoSchools, settings: Any
) -> None:
    head = two_schools.ours.head
    session.commit()
    token = token_on(client, "/password")
    known = client.post("/password", data={"name": head.login, "csrf_token": token})
    unknown = client.post("/password", data={"name": "nobody at all", "csrf_token": token})
    assert NONCE.sub("", known.text) == NONCE.sub("", unknown.text)
    with all_schools(session):
        link = session.scalars(select(PasswordLink)).one()
        assert mail_password_link(session, link.id, settings) == "sent"
        address = service.token_of(link, settings.secret_key)
    mail = max((settings.data_dir / "mail").iterdir()).read_text().replace("=\n", "")
    assert head.email in mail
    path = f"/password/{address}"
    posted = {"new": NEW, "again": NEW, "csrf_token": token_on(client, path)}
    assert client.post(path, data=posted).status_code == 303
    assert client.post(path, data=posted).status_code in (400, 404)
    assert attempt(client, head.login, NEW).status_code == 303


def test_neither_row_nor_job_holds_what_opens_a_link(
    app: Any, session: Any, two_schools: TwoSchools, settings: Any
) -> None:
    link = service.make_link(session, two_schools.ours.head.id)
    token = service.token_of(link, settings.secret_key)
    assert token not in str(link.__dict__)
    assert service.token_of(link, "another secret key that somebody guessed") != token
    assert re.fullmatch(r"[\w.-]+", token)


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


def test_an_operators_visit_ends_with_the_session_and_is_of_one_device(
    client: Any, session: Any, two_schools: TwoSchools
) -> None:
    ours, operator = two_schools.ours, two_schools.operator
    student = f"/students/{ours.student.id}"
    session.commit()
    log_in(client, operator)
    send(client, f"/platform/schools/{ours.school.id}/enter", reason="A form master cannot see the form.")
    assert client.get(student).status_code == 200
    assert client.get("/admin/accounts").status_code == 403
    assert log_in(client.application.test_client(), operator).get(student).status_code == 403
    send(client, "/logout")
    with all_schools(session):
        assert session.scalars(select(OperatorEntry)).one().left_at is not None
    log_in(client, operator)
    assert client.get(student).status_code == 403


def test_an_operators_visit_ends_after_its_hours(client: Any, session: Any, two_schools: TwoSchools) -> None:
    ours = two_schools.ours
    student = f"/students/{ours.student.id}"
    session.commit()
    log_in(client, two_schools.operator)
    send(client, f"/platform/schools/{ours.school.id}/enter", reason="A form master cannot see the form.")
    with all_schools(session):
        session.scalars(select(OperatorEntry)).one().entered_at -= timedelta(hours=9)
    session.commit()
    assert client.get(student).status_code == 403


def test_a_person_with_a_very_long_name_can_work(client: Any, session: Any, two_schools: TwoSchools) -> None:
    ours = two_schools.ours
    ours.form_master.given_name, ours.form_master.family_name = "Ä" * 120, "Ö" * 120
    session.commit()
    log_in(client, ours.form_master)
    assert send(client, f"/students/{ours.student.id}/notes", body="A note.", kind="general").status_code == 303


def test_a_closed_school_lets_its_people_out_and_its_operators_leave(
    client: Any, session: Any, two_schools: TwoSchools
) -> None:
    ours = two_schools.ours
    session.commit()
    log_in(client, two_schools.operator)
    send(client, f"/platform/schools/{ours.school.id}/enter", reason="A form master cannot see the form.")
    member = log_in(client.application.test_client(), ours.teacher)
    with all_schools(session):
        session.scalars(select(School).where(School.slug == "ours")).one().is_active = False
    session.commit()
    with client.application.test_request_context():
        school_changed(session)
    assert member.get("/students").status_code == 403
    assert member.get("/").status_code == 403
    assert send(member, "/logout").status_code == 303
    assert client.get("/students").status_code == 403
    assert client.get("/platform/schools").status_code == 200
    assert send(client, "/platform/leave").status_code == 303


@pytest.mark.parametrize("spelling", ["head.ours\u200b", "h\u00e9ad.ours", "\uff48ead.ours", "HEAD.OURS"])
def test_one_account_has_one_name_however_it_is_spelt(
    client: Any, session: Any, two_schools: TwoSchools, spelling: str
) -> None:
    session.commit()
    assert two_schools.ours.head.login == "head.ours"
    found = attempt(client, spelling, PASSWORD).status_code
    assert found == (303 if spelling == "HEAD.OURS" else 400)


def test_an_operator_inside_a_school_changes_the_password_truly(
    client: Any, session: Any, two_schools: TwoSchools
) -> None:
    operator = two_schools.operator
    session.commit()
    other = log_in(client.application.test_client(), operator)
    log_in(client, operator)
    send(client, f"/platform/schools/{two_schools.ours.school.id}/enter", reason="A form master cannot see it.")
    assert send(client, "/account/password", old=PASSWORD, new=NEW, again=NEW).status_code == 303
    assert other.get("/platform/schools").status_code == 303
    fresh = client.application.test_client()
    assert attempt(fresh, operator.login, PASSWORD).status_code == 400
    assert attempt(fresh, operator.login, NEW).status_code == 303
    assert send(client, "/logout/everywhere").status_code == 303
    assert fresh.get("/platform/schools").status_code == 303


def test_a_link_sets_a_password_once_and_dies_with_a_change(client: Any, session: Any, two_schools: TwoSchools) -> None:
    ours = two_schools.ours
    ours.teacher.email = "t@example.org"
    session.commit()
    secret = client.application.config["FORMROOM"].secret_key

    def made() -> str:
        link = service.make_link(session, ours.teacher.id)
        session.commit()
        return f"/password/{service.token_of(link, secret)}"

    first, browser = made(), client.application.test_client()
    data = {"new": NEW, "again": NEW}
    token = token_on(browser, first)
    assert browser.post(first, data={**data, "csrf_token": token}).status_code == 303
    assert browser.get(first).status_code != 200
    token = token_on(browser, "/login")
    assert browser.post(first, data={**data, "csrf_token": token}).status_code != 303
    second = made()
    assert browser.get(second).status_code == 200
    attempt(client, ours.teacher.login, NEW)
    other = "purple stone garden lamp"
    assert send(client, "/account/password", old=NEW, new=other, again=other).status_code == 303
    assert browser.get(second).status_code != 200


def test_an_operator_enters_with_a_reason_that_the_school_can_read(
    client: Any, session: Any, two_schools: TwoSchools
) -> None:
    ours = two_schools.ours
    session.commit()
    log_in(client, two_schools.operator)
    assert client.get(f"/students/{ours.student.id}").status_code == 403
    path = f"/platform/schools/{ours.school.id}/enter"
    assert send(client, path, reason="short").status_code == 400
    assert send(client, path, reason="A form master cannot see the form.").status_code == 303
    page = client.get(f"/students/{ours.student.id}")
    assert (page.status_code, "You are inside" in page.text) == (200, True)
    assert send(client, f"/students/{ours.student.id}/notes", body="x").status_code == 403
    assert send(client, "/platform/leave").status_code == 303
    assert client.get(f"/students/{ours.student.id}").status_code == 403
    with all_schools(session):
        told = session.scalars(select(AuditRow).where(AuditRow.event == Event.SCHOOL_ENTERED)).one()
        assert (told.school_id, told.reason) == (ours.school.id, "A form master cannot see the form.")
        assert session.scalars(select(OperatorEntry)).one().left_at is not None
    assert send(client, "/platform/schools/999999/enter", reason="There is no such school.").status_code == 404


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


def test_a_visit_is_shown_on_every_page_and_ends_with_a_change_of_password(
    client: Any, session: Any, two_schools: TwoSchools
) -> None:
    ours = two_schools.ours
    alert = ours.things["alert"].id
    session.commit()
    log_in(client, two_schools.operator)
    send(client, f"/platform/schools/{ours.school.id}/enter", reason="A form master cannot see it.")
    assert "You are inside" in client.get(f"/alerts/{alert}").text
    assert "/admin/accounts" not in client.get("/admin").text
    assert send(client, "/account/password", old=PASSWORD, new=NEW, again=NEW).status_code == 303
    with all_schools(session):
        assert session.scalars(select(OperatorEntry)).one().left_at is not None
