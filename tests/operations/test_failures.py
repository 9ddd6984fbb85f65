"""Operators are told by mail when a watched job has failed for good: once, and without anything of a school."""

from __future__ import annotations

from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskCliRunner
from sqlalchemy import select

from school_app.accounts.commands import accounts
from school_app.accounts.models import Account
from school_app.core import mail
from school_app.core.jobs import JobRun, JobStatus
from school_app.core.permissions import Role
from school_app.core.tenancy import all_schools, enter_school
from school_app.operations.service import tell_failures
from school_app.operations.watched import WATCHED
from tests import factories
from tests.factories import TwoSchools
from tests.operations.test_audit_runs import write_job
from tests.visits import log_in
from workers import carrying, jobs

SECRET = "IntegrityError: ('Emilia Musterkind', 7)"


@pytest.fixture
def mails(app: Any, settings: Any) -> Any:
    """The messages that were sent since, each as (to, subject, text)."""
    folder = Path(settings.mail_url.removeprefix("file:"))
    before = set(folder.glob("*.eml"))

    def sent() -> list[tuple[str, str, str]]:
        found = sorted(set(folder.glob("*.eml")) - before)
        read = [message_from_bytes(path.read_bytes(), policy=policy.default) for path in found]
        return sorted((str(one["To"]), str(one["Subject"]), one.get_body().get_content()) for one in read)

    return sent


@pytest.fixture
def own_session(app: Any, two_schools: TwoSchools, session: Any) -> Any:
    """The session of an app context, as the scheduler and workers use it."""
    session.commit()
    with app.app_context():
        yield jobs.db.session


def second_operator(session: Any, **values: Any) -> Account:
    enter_school(session, None)
    with all_schools(session):
        made = factories.account(session, "olga", Role.OPERATOR, **values)
        session.commit()
    return made


def done(session: Any) -> list[JobRun]:
    """Look for failures as the scheduler does, and carry out the mails; returns their jobs."""
    with all_schools(session):
        jobs.tell_failures()
        mails = select(JobRun).where(JobRun.name == "workers.jobs.mail_failure").order_by(JobRun.id)
        found = session.scalars(mails).all()
        for one in found:
            carrying.carry_out(one.id)
        session.expire_all()
        return list(session.scalars(mails).all())


@pytest.mark.parametrize("name", WATCHED)
def test_each_operator_is_mailed_once_for_each_failure_of_a_watched_job(
    own_session: Any, two_schools: TwoSchools, mails: Any, name: str
) -> None:
    second_operator(own_session)
    short = name.rpartition(".")[2]
    with all_schools(own_session):
        write_job(own_session, short, 5, JobStatus.FAILED, SECRET)
        write_job(own_session, short, 3, JobStatus.QUEUED, "it is tried again")
        write_job(own_session, "prune_uploads", 5, JobStatus.FAILED, "not watched")
    for _ in range(3):
        assert [job.status for job in done(own_session)] == [JobStatus.DONE] * 2
    (first, subject, text), (second, *_) = mails()
    assert {first, second} == {two_schools.operator.email, "olga@example.org"}
    assert subject == f"{short} failed"
    assert f"the job {short} of Formroom failed at " in text
    assert WATCHED[name] in " ".join(text.split())
    assert "/platform/jobs?status=failed" in text
    assert "Musterkind" not in text
    with all_schools(own_session):
        write_job(own_session, short, 1, JobStatus.FAILED, "another failure")
    assert len(done(own_session)) == 4
    assert len(mails()) == 4


def test_a_failure_waits_until_an_operator_has_an_address(
    own_session: Any, two_schools: TwoSchools, mails: Any
) -> None:
    with all_schools(own_session):
        operator = own_session.get_one(Account, two_schools.operator.id)
        for address, told in ((None, 0), ("ops@example.org", 1)):
            operator.email = address
            if address is None:
                write_job(own_session, "seal_audit", 5, JobStatus.FAILED, "an error")
            own_session.commit()
            assert len(done(own_session)) == told
    assert [to for to, *_ in mails()] == ["ops@example.org"]


def test_an_operator_without_an_address_is_named_until_there_is_one(
    app: Any, client: Any, session: Any, two_schools: TwoSchools
) -> None:
    login = two_schools.operator.login
    with all_schools(session):
        session.get_one(Account, two_schools.operator.id).email = None
        session.commit()
    log_in(client, two_schools.operator)
    warning = f"run “flask accounts email {login} ADDRESS”"
    for address in ("/platform/schools", "/platform/jobs", "/platform/audit-runs"):
        assert warning in client.get(address).text
    run: FlaskCliRunner = app.test_cli_runner()
    with app.app_context():
        for words in (["email", login], ["create-operator", "another", "--name", "Ann Other", "--email"]):
            refused = run.invoke(accounts, [*words, "nowhere"])
            assert (refused.exit_code, "is no mail address" in refused.output) == (1, True)
        assert run.invoke(accounts, ["email", login, "ops@example.org"]).exit_code == 0
    assert warning not in client.get("/platform/jobs").text


def test_a_mail_server_that_is_away_is_asked_again_and_nobody_else_is_mailed_twice(
    own_session: Any, two_schools: TwoSchools, mails: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    second_operator(own_session)
    with all_schools(own_session):
        write_job(own_session, "archive_audit", 5, JobStatus.FAILED, "an error")
    send = mail.send

    def away(url: str, message: Any) -> None:
        if message["To"] == "olga@example.org":
            raise ConnectionRefusedError("the mail server is away")
        send(url, message)

    monkeypatch.setattr(mail, "send", away)
    assert sorted(job.status for job in done(own_session)) == [JobStatus.DONE, JobStatus.QUEUED]
    monkeypatch.setattr(mail, "send", send)
    assert [job.status for job in done(own_session)] == [JobStatus.DONE, JobStatus.DONE]
    assert len(mails()) == 2


def test_whoever_is_no_operator_any_more_is_not_mailed(own_session: Any, two_schools: TwoSchools, mails: Any) -> None:
    operator, admin = two_schools.operator.id, two_schools.ours.admin.id
    with all_schools(own_session):
        write_job(own_session, "archive_audit", 5, JobStatus.FAILED, "an error")
        tell_failures(own_session)
        own_session.commit()
        failed, mail_job = own_session.scalars(select(JobRun).order_by(JobRun.id.desc()).limit(2)).all()[::-1]
        assert failed.told_at is not None
        assert jobs.mail_failure(failed.id, admin)["mail"].startswith("not sent")
        assert mail_job.arguments == {"failed_id": failed.id, "account_id": operator}
    assert mails() == []
