"""The first pages of a school day, made before anybody asks for them.

Workers call it; a page that is already kept, and right, is left as it is.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask import current_app, g
from sqlalchemy import select
from sqlalchemy.orm import Session, scoped_session

from school_app.accounts.login import SessionKey, load_viewer
from school_app.accounts.models import Account, AccountStatus
from school_app.core import clock
from school_app.core.permissions import Permission, Viewer
from school_app.dashboards.kept import kept_home
from school_app.dashboards.models import LastLook
from school_app.schools.context import PresentSchool, present_school
from school_app.schools.models import FormMaster
from school_app.schools.queries import duties_of, holds_on, is_school_day

AnySession = Session | scoped_session[Any]
# From before school until the last have seen their page.
KEPT_SECONDS = 4 * 3600


def warm(session: AnySession) -> int:
    """Make the homes of the session's school for all who are master of a form today; returns how many there are.

    On a day without school nobody comes, and none are made.
    """
    school = present_school(session)
    today = clock.today(school.timezone)
    if not is_school_day(session, today):
        return 0
    masters = session.execute(
        select(Account.id, Account.session_version, LastLook.looked_at)
        .join(FormMaster, FormMaster.account_id == Account.id)
        .join(LastLook, LastLook.account_id == Account.id, isouter=True)
        .where(Account.status == AccountStatus.ACTIVE, holds_on(FormMaster, today))
        .distinct()
        .order_by(Account.id)
    ).all()
    made = 0
    for account_id, version, looked_at in masters:
        person = load_viewer(session, str(SessionKey(account_id, version)))
        duties = duties_of(session, account_id, today)
        if person is not None and person.may(Permission.HOME_VIEW) and duties.forms:
            with _seen_by(person, school):
                # By the time that they come, the look that is written down is that of the visit before.
                kept_home(school, person, duties, duties.forms[0], looked_at, seconds=KEPT_SECONDS)
            made += 1
    return made


@contextmanager
def _seen_by(person: Viewer, school: PresentSchool) -> Iterator[None]:
    """What the request of a person who opens their first page brings with it."""
    with current_app.test_request_context("/"):
        g._login_user = person
        g.school, g.timezone, g.csp_nonce = school, school.timezone, secrets.token_urlsafe(16)
        try:
            yield
        finally:
            for name in ("_login_user", "school", "timezone", "csp_nonce"):
                g.pop(name)
