"""What a request knows of its school: name, time zone, and whether it is open at all.

create_app() installs it behind the permission guard; templates and routes read g.school.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import date
from typing import Any

from flask import Flask, current_app, g, request
from sqlalchemy import func, select
from sqlalchemy.orm import Session, scoped_session

from school_app.core.cache import forget, school_cached
from school_app.core.db import db
from school_app.core.errors import Forbidden
from school_app.core.permissions import PUBLIC, SIGNED_IN, Permission, declared
from school_app.core.static_files import is_static
from school_app.core.tenancy import current_school
from school_app.schools.models import School, SchoolYear, SessionScheme

AnySession = Session | scoped_session[Any]
CACHED = "present_school"
CACHED_SECONDS = 60


@dataclass(frozen=True, slots=True)
class PresentSchool:
    """The school of a request; `timezone` is an IANA name, `register_closes` a local time such as "09:15".

    Closed school years lie between `closed_from` and `closed_to`, both included; None where no year is closed.
    """

    id: int
    slug: str
    name: str
    timezone: str
    session_scheme: SessionScheme
    register_closes: str
    is_active: bool
    closed_from: date | None
    closed_to: date | None


# Part of the key, so that during a release no process reads what one with other fields has kept.
FIELDS = " ".join(field.name for field in fields(PresentSchool))


@school_cached(CACHED, seconds=CACHED_SECONDS, is_near=True)
def _row(session: AnySession, names: str) -> dict[str, Any]:
    """The school as plain values; `names` are those of its fields, which only the key needs."""
    closed = (SchoolYear.school_id == School.id, SchoolYear.closed_at.is_not(None))
    bounds = {"closed_from": func.min(SchoolYear.starts_on), "closed_to": func.max(SchoolYear.ends_on)}
    found = session.execute(
        select(
            *(School.id, School.slug, School.name, School.timezone, School.session_scheme),
            *(School.register_closes, School.is_active),
            *(select(bound).where(*closed).scalar_subquery().label(name) for name, bound in bounds.items()),
        )
    ).one()
    return dict(found._mapping)


def present_school(session: AnySession) -> PresentSchool:
    """The session's school, at most a minute old. Raises NoSchool where none is set."""
    row = _row(session, FIELDS)
    return PresentSchool(**{**row, "session_scheme": SessionScheme(row["session_scheme"])})


def school_changed(session: AnySession) -> None:
    """Forget the kept row of the session's school; whoever changes a school calls it after the commit."""
    forget(session, CACHED, FIELDS)


def init_app(app: Flask) -> None:
    """Set g.school and g.timezone before every view, and give templates the school's name."""
    app.before_request(_set_school)
    app.context_processor(_for_templates)


def _set_school() -> None:
    g.school, g.timezone = None, "UTC"
    if is_static(request.endpoint) or current_school(db.session) is None:
        return
    school = present_school(db.session)
    if not school.is_active and not _stands_open():
        raise Forbidden
    g.school, g.timezone = school, school.timezone


def _stands_open() -> bool:
    """Whether a page is there also for people of a closed school: to log in and out, and for operators to leave."""
    needs = declared(current_app, request.endpoint or "") or frozenset()
    is_own_account = request.blueprint == "accounts" and bool(needs & {PUBLIC, SIGNED_IN})
    return is_own_account or PUBLIC in needs or any(isinstance(one, Permission) and one.platform for one in needs)


def _for_templates() -> dict[str, Any]:
    school = g.get("school")
    return {"school_name": None if school is None else school.name}
