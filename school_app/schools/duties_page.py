"""What the page of forms shows: the forms of one school year with their masters, and who is head of which year.

schools.routes uses it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session, scoped_session

from school_app.accounts.models import Account, AccountStatus, full_name
from school_app.schools.models import Form, FormMaster, HeadOfYear, SchoolYear, YearGroup
from school_app.schools.queries import school_year_on, school_years

AnySession = Session | scoped_session[Any]
# More than a school has forms in a year, and more than it has staff.
MOST_FORMS, MOST_STAFF = 300, 500


@dataclass(frozen=True, slots=True)
class Duty:
    """Who is master or head, from a day to a day (None: until further notice)."""

    name: str
    starts_on: date
    ends_on: date | None


@dataclass(frozen=True, slots=True)
class Line:
    """A form with the name of its year group, or a year group, and whose it is; the earliest first."""

    id: int
    name: str
    group: str | None
    duties: Sequence[Duty]


def years_of(session: AnySession, *, chosen: int | None, today: date) -> tuple[list[SchoolYear], SchoolYear | None]:
    """Every school year, the latest first, and the one that is chosen: otherwise that of today, or the latest."""
    years = school_years(session)[::-1]
    present = school_year_on(session, today)
    found = next((year for year in years if year.id == chosen), present or next(iter(years), None))
    return years, found


def forms_of(session: AnySession, year: SchoolYear) -> list[Line]:
    """The forms of a school year by name, in two statements."""
    forms = session.execute(
        select(Form.id, Form.name, YearGroup.name)
        .join(YearGroup, YearGroup.id == Form.year_group_id, isouter=True)
        .where(Form.school_year_id == year.id)
        .order_by(Form.name, Form.id)
        .limit(MOST_FORMS)
    ).all()
    masters = _duties(
        session, _by(FormMaster, FormMaster.form_id).where(FormMaster.form_id.in_([id_ for id_, *_ in forms]))
    )
    return [Line(id_, name, group, masters.get(id_, ())) for id_, name, group in forms]


def heads_of(session: AnySession, *, today: date) -> list[Line]:
    """The year groups in their order, with those who are head of them or will be; two statements."""
    still = or_(HeadOfYear.ends_on.is_(None), HeadOfYear.ends_on >= today)
    heads = _duties(session, _by(HeadOfYear, HeadOfYear.year_group_id).where(still))
    groups = session.execute(select(YearGroup.id, YearGroup.name).order_by(YearGroup.ordinal, YearGroup.code))
    return [Line(id_, name, None, heads.get(id_, ())) for id_, name in groups]


def staff_of(session: AnySession) -> list[tuple[int, str]]:
    """Who may be appointed, by family name: the ids and names, as they stand in a choice."""
    rows = session.execute(
        select(Account.id, Account.family_name, Account.given_name)
        .where(Account.status != AccountStatus.DISABLED, Account.school_id.is_not(None))
        .order_by(Account.family_name, Account.id)
        .limit(MOST_STAFF)
    )
    return [(id_, f"{family}, {given}") for id_, family, given in rows]


def _by(duty: type[FormMaster] | type[HeadOfYear], of: Any) -> Select[Any]:
    columns = (of, Account.given_name, Account.family_name, duty.starts_on, duty.ends_on)
    return select(*columns).join(Account, Account.id == duty.account_id).order_by(duty.starts_on, duty.id)


def _duties(session: AnySession, statement: Select[Any]) -> Mapping[int, Sequence[Duty]]:
    found: dict[int, list[Duty]] = defaultdict(list)
    for of, given, family, starts_on, ends_on in session.execute(statement):
        found[of].append(Duty(full_name(given, family), starts_on, ends_on))
    return found
