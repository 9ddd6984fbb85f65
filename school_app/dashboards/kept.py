"""The first pages of a school's people as they are kept: for whom, of which moment, and what they are made of.

dashboards.routes serves them, and workers make them ahead; see core.fragments.
"""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

from flask import render_template

from school_app.core import clock
from school_app.core.db import db
from school_app.core.fragments import page
from school_app.core.permissions import Permission, Role, Viewer
from school_app.core.places import KEPT_SECONDS, Place
from school_app.core.reading import reading
from school_app.core.topics import Topic, version, versions_of_forms
from school_app.dashboards import home
from school_app.dashboards.overview import overview
from school_app.marks.queries import groups_taught
from school_app.schools.context import PresentSchool
from school_app.schools.queries import Duties, FormName

# What each shows.
HOME = frozenset({Topic.STUDENTS, Topic.ATTENDANCE, Topic.CARE, Topic.INCIDENTS})
OVERVIEW = frozenset(
    {Topic.SCHOOL, Topic.STAFF, Topic.STUDENTS, Topic.ATTENDANCE, Topic.CARE, Topic.INCIDENTS, Topic.FIGURES}
)
CLASSES = frozenset({Topic.SCHOOL, Topic.STAFF, Topic.STUDENTS})


def kept_home(
    school: PresentSchool,
    person: Viewer,
    duties: Duties,
    chosen: FormName,
    last_look: datetime | None,
    *,
    seconds: int = KEPT_SECONDS,
) -> str | bytes:
    """The home of a master's form, as it is kept or made anew; it is kept for so many seconds at most."""
    apart = (*_who(school, person, duties), chosen.id, last_look)
    return page(
        Place("home", school.id, apart, _home_is_made_of(person, duties), seconds),
        lambda: print_home(school, person, duties, chosen, last_look),
    )


def kept_overview(school: PresentSchool, person: Viewer, duties: Duties, today: date) -> str | bytes:
    """The first page of somebody who watches over a year or the school, as it is kept or made anew."""
    place = Place("overview", school.id, (*_who(school, person, duties), today), _school_wide(OVERVIEW))
    return page(place, lambda: print_overview(person, today))


def kept_classes(school: PresentSchool, person: Viewer, duties: Duties, today: date) -> str | bytes:
    """The first page of a teacher without a form, as it is kept or made anew."""
    place = Place("classes", school.id, (*_who(school, person, duties), today), _school_wide(CLASSES))
    return page(place, lambda: print_classes(person, today))


@reading
def print_home(
    school: PresentSchool, person: Viewer, duties: Duties, chosen: FormName, last_look: datetime | None
) -> str:
    """The home of a master's form as it is now."""
    found = home.home(db.session, school, person, duties, chosen, last_look=last_look)
    return render_template("dashboards/home.html", home=found, forms=duties.forms, chosen=chosen)


@reading
def print_overview(person: Viewer, today: date) -> str:
    """What waits in a person's year or school now."""
    found = overview(db.session, person, today=today)
    may_import = person.may(Permission.IMPORT_RUN)
    return render_template("dashboards/overview.html", overview=found, today=today, may_import=may_import)


@reading
def print_classes(person: Viewer, today: date) -> str:
    """The classes that a person teaches now."""
    groups = groups_taught(db.session, person.account_id, today)
    return render_template("dashboards/classes.html", groups=groups, today=today)


def _who(school: PresentSchool, person: Viewer, duties: Duties) -> tuple[object, ...]:
    """What every page shows or follows from beside what changes: the person, their reach, the school, the present."""
    now = clock.now().astimezone(ZoneInfo(school.timezone))
    who = (person.account_id, person.name, sorted(person.roles), sorted(person.permissions))
    reach = (duties.forms, sorted(duties.form_ids), sorted(duties.year_group_ids))
    return (*who, *reach, school, now.date(), home.part_of_day(now))


def _home_is_made_of(person: Viewer, duties: Duties) -> tuple[str, ...]:
    # Alerts and cases on the home are of every student in the person's care, not of the chosen form's alone.
    if duties.year_group_ids or Role.SCHOOL_ADMIN in person.roles:
        return _school_wide(HOME | {Topic.SCHOOL})
    return (version(Topic.SCHOOL), *versions_of_forms(HOME, duties.form_ids))


def _school_wide(topics: frozenset[Topic]) -> tuple[str, ...]:
    return tuple(version(topic) for topic in sorted(topics))
