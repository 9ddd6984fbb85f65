"""Summaries in tests: counted, and compared with the rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

from sqlalchemy import func, select

from school_app.schools.due import SummaryDue
from school_app.summaries import service
from school_app.summaries.counting import counted_days
from school_app.summaries.models import FIGURES, FormDay
from school_app.summaries.rules import Key
from tests.days import TODAY

YESTERDAY = TODAY - timedelta(days=1)
LONG_AGO = TODAY - timedelta(days=700)


def refresh(session: Any, today: date | None = None) -> list[service.Piece]:
    """Count everything that is due."""
    return list(service.refresh(session, today=today or TODAY))


def kept(session: Any) -> dict[Key, Counter[str]]:
    """Every row of forms and days, without the figures that are zero."""
    session.expire_all()
    return {
        (row.date, row.place): +Counter({name: getattr(row, name) for name in FIGURES})
        for row in session.scalars(select(FormDay))
    }


def counted(session: Any, today: date | None = None) -> dict[Key, Counter[str]]:
    """The same, as the rows say it now."""
    found = counted_days(session, LONG_AGO, today or TODAY)
    return {key: +Counter(figures) for key, figures in found.items()}


def due(session: Any) -> int:
    """How many notes wait."""
    return int(session.scalar(select(func.count()).select_from(SummaryDue)))


def is_brought_up_to_date(session: Any, change: Callable[[], Any]) -> None:
    """A change makes the summaries differ from the rows, and a refresh afterwards ends that."""
    refresh(session)
    assert kept(session) == counted(session)
    change()
    session.flush()
    assert kept(session) != counted(session), "the change changes no figure, so it proves nothing"
    refresh(session)
    assert kept(session) == counted(session)
    assert due(session) == 0
