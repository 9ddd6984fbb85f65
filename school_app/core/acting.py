"""Who is acting, from where and in which request or job: what an audit row says of its origin.

Set once per request or job on the session; read by audit capture.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy.orm import Session, scoped_session

KEY = "formroom.acting"
AnySession = Session | scoped_session[Any]


@dataclass(frozen=True, slots=True)
class Acting:
    """The origin of a change; `actor_id` is None for the system itself, whose name then says which part.

    `attempt` is 0 unless a job is carried out: with `job_id` it is the claim by which core.claims fences commits.
    """

    actor_id: int | None = None
    actor_name: str = "system"
    ip: str | None = None
    request_id: str | None = None
    job_id: str | None = None
    attempt: int = 0


@dataclass(frozen=True, slots=True)
class By:
    """The person who does something, as services are told: account and name as it is at that moment."""

    id: int
    name: str


def act_as(session: AnySession, acting: Acting) -> None:
    """Everything that follows in this session is done by `acting`."""
    session.info[KEY] = acting


def acting(session: AnySession) -> Acting:
    """Who acts in this session; the nameless system where nobody was set."""
    found = session.info.get(KEY)
    return found if isinstance(found, Acting) else Acting()


def act_further_as(session: AnySession, *, actor_id: int, actor_name: str) -> None:
    """The person became known within the request, as at log-in."""
    act_as(session, replace(acting(session), actor_id=actor_id, actor_name=actor_name))
