"""A request knows its own school, and a closed school's pages are closed."""

from __future__ import annotations

from typing import Any

import pytest

from school_app.attendance.models import Session
from school_app.attendance.parts import sessions_of
from school_app.core.cache import near
from school_app.core.tenancy import NoSchool, enter_school
from school_app.schools.context import present_school, school_changed
from school_app.schools.models import SessionScheme
from tests.factories import TwoSchools


def test_each_school_knows_its_own_name(app: Any, session: Any, two_schools: TwoSchools) -> None:
    with app.app_context():
        assert present_school(session).name == "School canary-ours"
        enter_school(session, two_schools.theirs.school.id)
        assert present_school(session).name == "School canary-theirs"
        enter_school(session, None)
        with pytest.raises(NoSchool):
            present_school(session)


def test_a_changed_school_is_read_anew(app: Any, session: Any, two_schools: TwoSchools) -> None:
    with app.app_context():
        assert present_school(session).timezone == "UTC"
        two_schools.ours.school.timezone = "Africa/Freetown"
        session.flush()
        assert present_school(session).timezone == "UTC"
        school_changed(session)
        assert present_school(session).timezone == "Africa/Freetown"


def test_a_school_that_changes_to_half_days_is_known_as_one(app: Any, session: Any, two_schools: TwoSchools) -> None:
    assert sessions_of(session) == (Session.DAY,)
    two_schools.ours.school.session_scheme = SessionScheme.AM_PM
    session.flush()
    school_changed(session)
    # The first time it is read from the database, then from the process, then from Redis.
    for _ in range(2):
        assert sessions_of(session) == (Session.AM, Session.PM)
    near.forget()
    assert sessions_of(session) == (Session.AM, Session.PM)
