"""Finding a person or a student by name for the history, whose readers see no other page of students.

history/ alone uses it. Names alone are shown, of the own school, and what was found is recorded by the caller.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, scoped_session

from school_app.accounts.forms import ROLE_WORDS
from school_app.accounts.models import Account, AccountRole, AccountStatus
from school_app.students.access import Reach
from school_app.students.queries import is_too_short, search_students, starts_with

AnySession = Session | scoped_session[Any]
MOST = 20


@dataclass(frozen=True, slots=True)
class Candidate:
    """Somebody whom a name may mean, and by what they are told from others of that name."""

    id: int
    name: str
    context: str


def accounts_named(session: AnySession, text: str) -> Sequence[Candidate]:
    """The school's accounts whose names or login begin with the words of a text; two statements."""
    words = text.split()[:4]
    if is_too_short(text):
        return []
    columns = (Account.family_name, Account.given_name, Account.login)
    each = [or_(*(starts_with(column, word) for column in columns)) for word in words]
    found = session.scalars(
        select(Account).where(*each).order_by(Account.family_name, Account.given_name, Account.id).limit(MOST)
    ).all()
    rows = session.execute(
        select(AccountRole.account_id, AccountRole.role).where(AccountRole.account_id.in_([one.id for one in found]))
    )
    roles: dict[int, list[str]] = {}
    for account_id, role in rows:
        roles.setdefault(account_id, []).append(ROLE_WORDS[role].lower())
    return [Candidate(one.id, one.name, _context(one, roles.get(one.id, []))) for one in found]


def _context(account: Account, roles: list[str]) -> str:
    parts = [", ".join(sorted(roles)) or "no role", account.login]
    return " · ".join([*parts, "disabled"] if account.status is AccountStatus.DISABLED else parts)


def students_named(session: AnySession, text: str) -> Sequence[Candidate]:
    """The school's students whose names begin with the words of a text; one statement.

    One letter of an alphabet would list names to somebody who sees no other page of students.
    """
    if is_too_short(text):
        return []
    found = search_students(session, Reach(everyone=True), text, limit=MOST)
    return [
        Candidate(
            one.id,
            one.name,
            (one.form_name or "no form") + ("" if one.is_active else " · has left the school"),
        )
        for one in found
    ]
