"""The sections of the form master's home, as its template prints them.

dashboards.home makes them; what each means to the template stands at the top of its partial.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from school_app.dashboards import absences, looks, news, whole_form


@dataclass(frozen=True, slots=True)
class HomeForm:
    """The form that the home is about."""

    id: int
    name: str
    student_count: int


@dataclass(frozen=True, slots=True)
class RegisterSection:
    """1. The register of the present session."""

    title: str
    session_word: str
    taken: bool
    url: str
    closes_at: datetime
    taken_at: datetime | None
    taken_by_name: str | None
    corrected_at: datetime | None
    counts: Sequence[tuple[int, str]]
    no_school: str | None


@dataclass(frozen=True, slots=True)
class AlertRow:
    """One student whose worst open alert waits for an answer."""

    alert_id: int
    student_id: int
    student_name: str
    severity: int
    reason: str
    context: str | None
    worse_since: datetime | None
    days_left: int | None


@dataclass(frozen=True, slots=True)
class Decisions:
    """2. What needs a decision."""

    rows: Sequence[AlertRow]
    more: int
    all_url: str


@dataclass(frozen=True, slots=True)
class CaseRow:
    """A case with what is due in it."""

    case_id: int
    student_id: int
    student_name: str
    title: str
    step_id: int | None
    step_title: str | None
    due_on: date
    days_left: int
    figures: str | None


@dataclass(frozen=True, slots=True)
class Cases:
    """3. The person's cases that are due: the first of them, how many there are, and how many are open."""

    rows: Sequence[CaseRow]
    due: int
    total: int
    all_url: str


@dataclass(frozen=True, slots=True)
class Home:
    """The whole page."""

    part_of_day: str
    today: date
    needs: int
    last_looked_at: datetime | None
    form: HomeForm | None
    no_school: str | None
    register: RegisterSection | None = None
    decisions: Decisions | None = None
    cases: Cases | None = None
    absent: absences.Absent | None = None
    since: looks.Since | None = None
    whole_form: whole_form.WholeForm | None = None
    good_news: news.News | None = None
