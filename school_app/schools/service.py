"""What an admin sets up: who is master of a form and head of a year, the calendar, the school's settings.

schools.routes calls these; nothing here commits.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from zoneinfo import available_timezones

from sqlalchemy import or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, scoped_session

from school_app.accounts.models import Account, AccountRole, AccountStatus
from school_app.core.errors import DomainError, NotFound
from school_app.core.permissions import Role
from school_app.schools.closed import refuse_closed
from school_app.schools.due import note_due, note_everything_due
from school_app.schools.models import (
    CalendarDay,
    DayType,
    Form,
    FormMaster,
    HeadOfYear,
    School,
    SessionScheme,
    Subject,
    YearGroup,
)

AnySession = Session | scoped_session[Any]
# Those of a place; the rest, such as "localtime", say nothing of the school.
TIMEZONES = {"UTC", *(name for name in available_timezones() if "/" in name)}
SCHOOL_NAME_LENGTH = 200
ROSTER_ID_LENGTH = 191
NOTE_LENGTH = 200
NEAR = timedelta(days=120)


class InvalidSetting(DomainError):
    """What was entered cannot stand; str() names the field and the remedy."""


@dataclass(frozen=True, slots=True)
class SchoolSettings:
    """A school's own settings, as entered."""

    name: str
    timezone: str
    register_closes: str
    session_scheme: str


def create_school(session: AnySession, slug: str, *, name: str, timezone: str, sourced_id: str | None) -> School:
    """Make a school; the session sees all schools. InvalidSetting says what cannot stand."""
    if not re.fullmatch(r"[a-z][a-z0-9-]{1,38}", slug):
        raise InvalidSetting("Slug: write 2 to 39 small letters, digits and hyphens, beginning with a letter.")
    if not name.strip() or len(name.strip()) > SCHOOL_NAME_LENGTH:
        raise InvalidSetting(f"Name: write the school’s name, in {SCHOOL_NAME_LENGTH} characters or fewer.")
    if timezone not in TIMEZONES:
        raise InvalidSetting("Time zone: write one such as Europe/London.")
    if session.scalar(select(School.id).where(School.slug == slug)) is not None:
        raise InvalidSetting(f"Slug: {slug!r} is another school’s; choose another.")
    if sourced_id and session.scalar(select(School.id).where(School.sourced_id == sourced_id)) is not None:
        raise InvalidSetting(f"Roster id: {sourced_id!r} is another school’s.")
    school = School(slug=slug, name=name.strip(), timezone=timezone, sourced_id=sourced_id or None)
    session.add(school)
    session.flush()
    return school


def change_school(session: AnySession, settings: SchoolSettings) -> School:
    """Change the session's school. The caller forgets the cached row after the commit."""
    school = session.scalars(select(School)).one()
    if not settings.name.strip() or len(settings.name) > SCHOOL_NAME_LENGTH:
        raise InvalidSetting(f"Name: write the school’s name, in {SCHOOL_NAME_LENGTH} characters or fewer.")
    if settings.timezone not in TIMEZONES:
        raise InvalidSetting("Time zone: write one such as Europe/London.")
    if not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", settings.register_closes):
        raise InvalidSetting("Registers close: write a time such as 09:15.")
    if settings.session_scheme not in {one.value for one in SessionScheme}:
        raise InvalidSetting("Sessions: choose whole days, or mornings and afternoons.")
    before = school.timezone, school.session_scheme
    school.name, school.timezone = settings.name.strip(), settings.timezone
    school.register_closes, school.session_scheme = settings.register_closes, SessionScheme(settings.session_scheme)
    if before != (school.timezone, school.session_scheme):
        # On which day something happened, and how many sessions a day has, is told by these.
        note_everything_due(session)
    session.flush()
    return school


def set_roster_id(session: AnySession, school_id: int, sourced_id: str) -> School:
    """Say by which id the roster files name a school; the session sees all schools.

    It is set once: another id would make every row of the next roster somebody new.
    """
    school = session.scalar(select(School).where(School.id == school_id).with_for_update())
    if school is None:
        raise NotFound("school")
    sourced_id = sourced_id.strip()
    if not sourced_id or len(sourced_id) > ROSTER_ID_LENGTH:
        raise InvalidSetting("Roster id: write the school’s sourcedId, as orgs.csv has it.")
    if school.sourced_id is not None:
        raise InvalidSetting(f"Roster id: it is {school.sourced_id} already, and stays.")
    school.sourced_id = sourced_id
    try:
        session.flush()
    except IntegrityError:
        raise InvalidSetting(f"Roster id: {sourced_id!r} is another school’s.") from None
    return school


def set_day(session: AnySession, on: date, kind: DayType, *, note: str) -> CalendarDay:
    """Say what a day of the calendar is. Raises YearClosed for a day of a closed school year."""
    refuse_closed(session, on, on)
    if len(note) > NOTE_LENGTH:
        raise InvalidSetting(f"Note: keep to {NOTE_LENGTH} characters.")
    day = session.scalar(select(CalendarDay).where(CalendarDay.date == on).with_for_update())
    if day is None:
        day = CalendarDay(date=on, day_type=kind)
        session.add(day)
    day.day_type, day.note = kind, note.strip() or None
    note_due(session, on, on)
    session.flush()
    return day


def appoint_master(session: AnySession, form_id: int, account_id: int, *, from_day: date, today: date) -> FormMaster:
    """Make somebody a form's master from a day on: whoever was it until then has the day before as their last.

    The person gets the role of a form master where they have it not yet.
    """
    form = session.get(Form, form_id)
    if form is None:
        raise NotFound("form")
    account = _staff(session, account_id)
    _near(from_day, today)
    for before in session.scalars(
        select(FormMaster).where(
            FormMaster.form_id == form_id, or_(FormMaster.ends_on.is_(None), FormMaster.ends_on >= from_day)
        )
    ).all():
        _end(session, before, from_day)
    made = FormMaster(form_id=form_id, account_id=account.id, starts_on=from_day)
    session.add(made)
    _grant(session, account.id, Role.FORM_MASTER)
    session.flush()
    return made


def appoint_head(
    session: AnySession, year_group_id: int, account_id: int, *, from_day: date, today: date
) -> HeadOfYear:
    """Make somebody head of a year from a day on, as appoint_master() does for a form."""
    if session.get(YearGroup, year_group_id) is None:
        raise NotFound("year group")
    account = _staff(session, account_id)
    _near(from_day, today)
    for before in session.scalars(
        select(HeadOfYear).where(
            HeadOfYear.year_group_id == year_group_id,
            or_(HeadOfYear.ends_on.is_(None), HeadOfYear.ends_on >= from_day),
        )
    ).all():
        _end(session, before, from_day)
    made = HeadOfYear(year_group_id=year_group_id, account_id=account.id, starts_on=from_day)
    session.add(made)
    _grant(session, account.id, Role.HEAD_OF_YEAR)
    session.flush()
    return made


def _near(from_day: date, today: date) -> None:
    # Whoever had the duty after that day would lose it from the record, so a slip of the year must not pass.
    if abs(from_day - today) > NEAR:
        raise InvalidSetting(f"From: choose a day within {NEAR.days} days of today.")


def _end(session: AnySession, before: FormMaster | HeadOfYear, from_day: date) -> None:
    if before.starts_on >= from_day:
        session.delete(before)
    else:
        before.ends_on = from_day - timedelta(days=1)
    session.flush()


def _staff(session: AnySession, account_id: int) -> Account:
    account = session.get(Account, account_id)
    if account is None or account.school_id is None or account.status is AccountStatus.DISABLED:
        raise InvalidSetting("Who: choose a member of staff whose account is not disabled.")
    return account


def _grant(session: AnySession, account_id: int, role: Role) -> None:
    held = session.scalar(select(AccountRole.id).where(AccountRole.account_id == account_id, AccountRole.role == role))
    if held is None:
        session.add(AccountRole(account_id=account_id, role=role))


def set_core(session: AnySession, core_ids: set[int]) -> None:
    """Say which subjects are core; a failing mark in one of them raises an alert."""
    for subject in session.scalars(select(Subject)):
        if subject.is_core is not (subject.id in core_ids):
            subject.is_core = subject.id in core_ids
    session.flush()
