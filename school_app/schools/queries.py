"""What a school's calendar and forms say of a day: its year, its school days, its forms and their masters.

schools/ and every feature above it ask here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Date, Select, bindparam, func, literal, literal_column, null, or_, select, true, union, union_all
from sqlalchemy.orm import Session, scoped_session

from school_app.core.errors import NotFound
from school_app.core.lasting import lasting
from school_app.schools.models import (
    CalendarDay,
    DayType,
    Form,
    FormMaster,
    HeadOfYear,
    School,
    SchoolYear,
    SessionScheme,
    Subject,
    TeachingGroup,
    TeachingGroupTeacher,
    Term,
)

AnySession = Session | scoped_session[Any]
Dated = type[FormMaster] | type[HeadOfYear] | type[TeachingGroupTeacher]
# Longer than any holiday, so that a calendar that ends is told from one that pauses.
LOOK_AHEAD_DAYS = 120


@dataclass(frozen=True, slots=True)
class FormName:
    """A form as lists need it."""

    id: int
    name: str
    school_year_id: int
    year_group_id: int | None


@dataclass(frozen=True, slots=True)
class Duties:
    """What a person has in their care on a day: the active forms by name, and the ids of all forms and year groups."""

    forms: tuple[FormName, ...]
    form_ids: frozenset[int]
    year_group_ids: frozenset[int]


@dataclass(frozen=True, slots=True)
class ClassName:
    """A class as lists need it; `subject` is None where the class has none."""

    id: int
    name: str
    subject: str | None


def holds_on(model: Dated, on: Any) -> Any:
    """The condition that a dated duty holds on a day, or on that of a parameter, its first and last day included."""
    return (model.starts_on <= on) & or_(model.ends_on.is_(None), model.ends_on >= on)


def session_scheme_of(session: AnySession) -> SessionScheme:
    """How often the school takes the register on one day, as it is now: pages ask the present school, which is kept."""
    return session.scalars(select(School.session_scheme)).one()


def school_year_on(session: AnySession, on: date) -> SchoolYear | None:
    """The school year that a day lies in; the later one where two overlap, None between years."""
    return session.scalar(YEAR_ON, {"on": on})


@dataclass(frozen=True, slots=True)
class YearSoFar:
    """The school year of a day, with its days with school up to and including that day."""

    id: int
    starts_on: date
    days: tuple[date, ...]


def year_so_far(session: AnySession, on: date) -> YearSoFar | None:
    """The school year that a day lies in, up to the day; None between years. Two statements."""
    year = school_year_on(session, on)
    return None if year is None else YearSoFar(year.id, year.starts_on, tuple(school_days(session, year.starts_on, on)))


YEAR_ON = lasting(
    select(SchoolYear)
    .where(SchoolYear.starts_on <= bindparam("on"), SchoolYear.ends_on >= bindparam("on"))
    .order_by(SchoolYear.starts_on.desc(), SchoolYear.id.desc())
    .limit(1)
)


@dataclass(frozen=True, slots=True)
class DaysAround:
    """What the calendar says of a day: its year's days with school so far, and the next one where it knows one.

    `first` is the day from which `days` are, also where none of the first has school; `note` is what stands of the day.
    """

    first: date
    days: tuple[date, ...]
    is_school_day: bool
    note: str | None
    next: date | None


def days_around(session: AnySession, on: date, *, between_years: date) -> DaysAround:
    """A day and what lies before it in its school year, or since a day where it lies in none; one statement."""
    found: dict[str, list[Any]] = {"year": [], "school": [], "day": [], "next": []}
    for row in session.execute(AROUND, {"on": on, "otherwise": between_years}):
        found[row.what].append(row)
    days = tuple(sorted(row.date for row in found["school"]))
    return DaysAround(
        first=found["year"][0].date or between_years,
        days=days,
        is_school_day=on in days[-1:],
        note=next((row.note for row in found["day"]), None),
        next=found["next"][0].date,
    )


def _around() -> Any:
    on: Any = bindparam("on", type_=Date)
    has_school = CalendarDay.day_type == DayType.INSTRUCTIONAL
    begin = YEAR_ON.with_only_columns(SchoolYear.starts_on).scalar_subquery()
    first = func.coalesce(begin, bindparam("otherwise", type_=Date))
    after = select(CalendarDay.date).where(CalendarDay.date > on, has_school).order_by(CalendarDay.date).limit(1)
    return union_all(
        select(literal("school").label("what"), CalendarDay.date, null().label("note")).where(
            CalendarDay.date.between(first, on), has_school
        ),
        select(literal("day"), CalendarDay.date, CalendarDay.note).where(CalendarDay.date == on),
        select(literal("year"), begin, null()),
        select(literal("next"), after.scalar_subquery(), null()),
    )


AROUND = lasting(_around())


def school_years(session: AnySession) -> list[SchoolYear]:
    """Every school year of the school, in order."""
    return list(session.scalars(select(SchoolYear).order_by(SchoolYear.starts_on, SchoolYear.id)))


def terms(session: AnySession) -> list[Term]:
    """The greatest parts of every school year, in order; what they are divided into is left out."""
    return list(session.scalars(select(Term).where(Term.parent_id.is_(None)).order_by(Term.starts_on, Term.id)))


def day_of(session: AnySession, on: date) -> CalendarDay | None:
    """What the calendar says of a day; None where it does not list it."""
    return session.scalar(DAY, {"on": on})


DAY = lasting(select(CalendarDay).where(CalendarDay.date == bindparam("on")))


def is_school_day(session: AnySession, on: date) -> bool:
    """Whether there is school on a day; a date that the calendar does not list is no school day."""
    found = day_of(session, on)
    return found is not None and found.day_type is DayType.INSTRUCTIONAL


def school_days(session: AnySession, first: date, last: date) -> list[date]:
    """The days with school from `first` to `last`, both included, in order."""
    return list(session.scalars(SCHOOL_DAYS, {"first": first, "last": last}))


SCHOOL_DAYS = lasting(
    select(CalendarDay.date)
    .where(
        CalendarDay.date.between(bindparam("first"), bindparam("last")), CalendarDay.day_type == DayType.INSTRUCTIONAL
    )
    .order_by(CalendarDay.date)
)


def school_day_before(session: AnySession, on: date) -> date | None:
    """The last day with school before a day."""
    return session.scalar(
        select(func.max(CalendarDay.date)).where(CalendarDay.date < on, CalendarDay.day_type == DayType.INSTRUCTIONAL)
    )


def school_day_after(session: AnySession, on: date) -> date | None:
    """The next day with school after a day, where the calendar knows one."""
    return session.scalar(
        select(func.min(CalendarDay.date)).where(CalendarDay.date > on, CalendarDay.day_type == DayType.INSTRUCTIONAL)
    )


def add_school_days(session: AnySession, start: date, count: int) -> date:
    """The day that lies `count` school days after `start`.

    Where the calendar ends before, the days it lacks are counted as weekdays: a deadline must not vanish because nobody
    has entered next year's calendar yet.
    """
    known = school_days(session, start + timedelta(1), start + timedelta(LOOK_AHEAD_DAYS))[:count]
    day, missing = (known[-1] if known else start), count - len(known)
    while missing:
        day += timedelta(1)
        missing -= day.weekday() < 5
    return day


def school_day_from(session: AnySession, on: date) -> date:
    """The first school day on or after a day; the next weekday where the calendar lists none within weeks."""
    known = school_days(session, on, on + timedelta(LOOK_AHEAD_DAYS))
    return known[0] if known else on + timedelta(days=max(0, 7 - on.weekday()) if on.weekday() >= 5 else 0)


def _duties() -> Any:
    account_id: Any = bindparam("account_id")
    on = bindparam("on", type_=Date)
    names = (Form.id, Form.name, Form.school_year_id, Form.year_group_id, Form.is_active)
    forms = (
        select(literal("form").label("kind"), *names)
        .join(FormMaster, FormMaster.form_id == Form.id)
        .where(FormMaster.account_id == account_id, holds_on(FormMaster, on))
    )
    years = select(literal("year"), HeadOfYear.year_group_id, literal(""), null(), null(), true()).where(
        HeadOfYear.account_id == account_id, holds_on(HeadOfYear, on)
    )
    # By name and id: SQLite takes no names of the first part's columns here.
    return union(forms, years).order_by(literal_column("3"), literal_column("2"))


# Every first page asks it, so it is put together once.
DUTIES = lasting(_duties())


def duties_of(session: AnySession, account_id: int, on: date) -> Duties:
    """What an account is master of, primary or second, and head of on a day; one statement."""
    rows = session.execute(DUTIES, {"account_id": account_id, "on": on}).all()
    return Duties(
        tuple(FormName(*row[1:5]) for row in rows if row.kind == "form" and row.is_active),
        frozenset(row.id for row in rows if row.kind == "form"),
        frozenset(row.id for row in rows if row.kind == "year"),
    )


def forms_of_year(session: AnySession, school_year_id: int) -> list[FormName]:
    """The active forms of a school year, by name."""
    rows = session.execute(_forms().where(Form.school_year_id == school_year_id, Form.is_active))
    return [FormName(row.id, row.name, row.school_year_id, row.year_group_id) for row in rows]


def classes_of_teacher(session: AnySession, account_id: int, on: date) -> list[ClassName]:
    """The active classes that an account teaches on a day, by name."""
    rows = session.execute(
        select(TeachingGroup.id, TeachingGroup.name, Subject.name.label("subject"))
        .join(TeachingGroupTeacher, TeachingGroupTeacher.teaching_group_id == TeachingGroup.id)
        .join(Subject, Subject.id == TeachingGroup.subject_id, isouter=True)
        .where(
            TeachingGroupTeacher.account_id == account_id,
            holds_on(TeachingGroupTeacher, on),
            TeachingGroup.is_active,
        )
        .distinct()
        .order_by(TeachingGroup.name, TeachingGroup.id)
    )
    return [ClassName(row.id, row.name, row.subject) for row in rows]


def taught_class(session: AnySession, account_id: int, group_id: int, *, on: date) -> ClassName:
    """A class that an account teaches on a day. Raises NotFound for every other."""
    found = next((one for one in classes_of_teacher(session, account_id, on) if one.id == group_id), None)
    if found is None:
        raise NotFound("class")
    return found


def _forms() -> Select[int, str, int, int | None]:
    return select(Form.id, Form.name, Form.school_year_id, Form.year_group_id).distinct().order_by(Form.name, Form.id)
