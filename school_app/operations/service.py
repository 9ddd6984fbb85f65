"""Telling operators by mail that a watched job has failed for good: once for each failure, to each who has an address.

workers.jobs calls it, inside all_schools(); it never commits.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, scoped_session

from school_app.accounts.models import Account
from school_app.config import Settings
from school_app.core import clock, mail
from school_app.core.errors import NotFound
from school_app.core.jobs import JobRun, JobStatus, enqueue_after_commit
from school_app.operations.queries import operators
from school_app.operations.watched import WATCHED, WATCHED_FOR

AnySession = Session | scoped_session[Any]
# The error itself is not in it: what a statement was about to write may name a student.
TEXT = """Hello {name},

the job {job} of Formroom failed at {moment:%H:%M} UTC on {moment:%Y-%m-%d}.
It is not tried again before the next night.

What to do: {remedy}

Its error stands under “Jobs”: {address}
docs/operations.md says more. Of this failure no other mail comes.
"""


def tell_failures(session: AnySession) -> int:
    """Have each failure that nobody was told of mailed to the operators; returns how many mails there will be.

    Where no operator has an address the failures wait, for as long as they are watched.
    """
    failed = (
        select(JobRun)
        .where(JobRun.status == JobStatus.FAILED, JobRun.name.in_(tuple(WATCHED)), JobRun.told_at.is_(None))
        .where(JobRun.queued_at > clock.now() - WATCHED_FOR)
        .order_by(JobRun.id)
        .with_for_update()
    )
    jobs = session.scalars(failed).all()
    people = [person.id for person in operators(session) if person.email] if jobs else []
    for job in jobs if people else ():
        job.told_at = clock.now()
        for account_id in people:
            enqueue_after_commit(session, "workers.jobs.mail_failure", failed_id=job.id, account_id=account_id)
    return len(jobs) * len(people)


def mail_failure(session: AnySession, settings: Settings, failed_id: int, account_id: int) -> str:
    """Mail a failure to one operator, who may have lost the address or the role meanwhile; says what happened."""
    job = session.get(JobRun, failed_id)
    if job is None or job.name not in WATCHED:
        raise NotFound("failed job")
    person: Account | None = next((one for one in operators(session) if one.id == account_id), None)
    if person is None or not person.email:
        return "not sent: the account is no operator's any more, or has no address"
    name = job.name.rpartition(".")[2]
    text = TEXT.format(
        name=person.name,
        job=name,
        moment=job.finished_at or job.queued_at,
        remedy=WATCHED[job.name],
        address=f"{settings.base_url}/platform/jobs?status=failed",
    )
    mail.send(settings.mail_url, mail.message(person.email, f"{name} failed", text))
    return "sent"
