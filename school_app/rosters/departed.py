"""Staff whom a roster no longer lists as active: their duties end, and their accounts are disabled.

rosters.service calls it. Accounts that no roster made are never touched.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from school_app.accounts.models import Account, AccountStatus
from school_app.accounts.staff import disable_departed
from school_app.rosters.endings import end_all, holds_from
from school_app.rosters.roster import REASON, Roster
from school_app.schools.models import FormMaster, HeadOfYear, TeachingGroupTeacher

DUTIES: tuple[Any, ...] = (FormMaster, TeachingGroupTeacher, HeadOfYear)
WHY = f"{REASON}: no longer listed as active staff"


def let_staff_go(roster: Roster) -> None:
    """Take the access of everybody whom the roster made an account and lists no longer.

    Duties that the school itself gave them end as well. A roster disables and never enables: whoever is listed again is
    noted, so that an admin decides.
    """
    accounts = roster.session.scalars(select(Account).where(Account.sourced_id.is_not(None))).all()
    departed = [one for one in accounts if one.sourced_id not in roster.accounts]
    ids = {one.id for one in departed}
    for model in DUTIES:
        duties = roster.session.scalars(select(model).where(holds_from(model, roster)))
        end_all(roster, [one for one in duties if one.account_id in ids])
    before = sum(one.status is not AccountStatus.DISABLED for one in departed)
    kept = disable_departed(roster.session, departed, reason=WHY)
    roster.counts.note("ended", "account", before - (kept is not None))
    if kept is not None:
        message = f"{kept.name}, the school’s last admin, is no longer listed."
        roster.warn("users.csv", message, "The account is kept. Make another admin, then disable this one.")
    for one in accounts:
        if one.sourced_id in roster.accounts and one.status is AccountStatus.DISABLED:
            message = f"{one.name} is listed, and the account is disabled."
            roster.warn("users.csv", message, "It stays so until an admin enables it.")
