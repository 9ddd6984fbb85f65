"""What a request knows of its school: name, time zone, and whether it is open at all.

create_app() installs it behind the permission guard; templates and routes read g.school.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import Flask, current_app, g, request
from sqlalchemy import select
from sqlalchemy.orm import Session, scoped_session

from school_app.core.cache import forget, school_cached
from school_app.core.db import db
from school_app.core.errors import Forbidden
from school_app.core.permissions import PUBLIC, SIGNED_IN, Permission, declared
from school_app.core.tenancy import current_school
from school_app.schools.models import School

AnySession = Session | scoped_session[Any]
CACHED = "school"
CACHED_SECONDS = 60


@dataclass(frozen=True, slots=True)
class PresentSchool:
    """The school of a request; `timezone` is an IANA name, `register_closes` a local time such as "09:15"."""

    id: int
    slug: str
    name: str
    timezone: str
    register_closes: str
    is_active: bool


@school_cached(CACHED, seconds=CACHED_SECONDS)
def _row(session: AnySession) -> dict[str, Any]:
    found = session.execute(
        select(School.id, School.slug, School.name, School.timezone, School.register_closes, School.is_active)
    ).one()
    return dict(found._mapping)


def present_school(session: AnySession) -> PresentSchool:
    """The session's school, at most a minute old. Raises NoSchool where none is set."""
    return PresentSchool(**_row(session))


def school_changed(session: AnySession) -> None:
    """Forget the kept row of the session's school; whoever changes a school calls it after the commit."""
    forget(session, CACHED)


def init_app(app: Flask) -> None:
    """Set g.school and g.timezone before every view, and give templates the school's name."""
    app.before_request(_set_school)
    app.context_processor(_for_templates)


def _set_school() -> None:
    g.school, g.timezone = None, "UTC"
    if (request.endpoint or "").endswith("static") or current_school(db.session) is None:
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
