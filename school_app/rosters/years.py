"""The school years of a roster and their parts.

rosters.service calls it, before everything else.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, select

from school_app.rosters import records
from school_app.rosters.bundle import refused
from school_app.rosters.nesting import Within, chain_of
from school_app.rosters.roster import Roster
from school_app.schools.closed import closed_sentence, locked_years
from school_app.schools.models import SchoolYear, Term, TermKind

TERM_KINDS = {"semester": TermKind.SEMESTER, "term": TermKind.TERM, "gradingPeriod": TermKind.GRADING_PERIOD}


def bring_years(roster: Roster) -> None:
    """Bring in the years, then their parts from the top down, and note in which year each part lies."""
    found = roster.part.parts.sessions
    years = {one.sourced_id for one in found.values() if one.type == "schoolYear"}
    _refuse_closed(roster, [found[one] for one in years])
    before = roster.session.scalar(select(func.min(SchoolYear.starts_on)))
    roster.years = roster.merge(SchoolYear, [_year(found[sourced_id]) for sourced_id in sorted(years)])
    if "school_year" in roster.counts.changed:
        # A place in a form holds within its year alone, and which year has changed is not told here.
        roster.moved += [on for on in (before, *(found[one].starts_on for one in years)) if on is not None]
    rows = {one.sourced_id: Within(0, one.parent) for one in found.values()}
    for one in found.values():
        year = next((up for up in chain_of(one.sourced_id, rows) if up in years), None)
        roster.spans[one.sourced_id] = (one.starts_on, one.ends_on)
        if year is not None:
            roster.year_of[one.sourced_id] = year
    done = set(years)
    while ready := [one for one in found.values() if one.sourced_id not in done and one.parent in done]:
        roster.terms = roster.merge(Term, [_term(roster, one) for one in ready])
        done.update(one.sourced_id for one in ready)


def _refuse_closed(roster: Roster, given: Sequence[records.Session]) -> None:
    """Raise ImportRefused where a closed year would have other days, or another year days of it.

    It is by its days that registers are known to be those of a closed year.
    """
    for year in locked_years(roster.session):
        for one in given if year.closed_at is not None else ():
            if _touches(one, year):
                message = f"{one.title}, {one.starts_on} to {one.ends_on}, would touch a closed year. "
                remedy = f"Leave {year.starts_on} to {year.ends_on} to {year.name}, or have that year reopened."
                raise refused("academicSessions.csv", message + closed_sentence(year.name), remedy)


def _touches(one: records.Session, year: Any) -> bool:
    if one.sourced_id == year.sourced_id:
        return (one.starts_on, one.ends_on) != (year.starts_on, year.ends_on)
    return bool(one.starts_on <= year.ends_on and one.ends_on >= year.starts_on)


def _year(one: records.Session) -> dict[str, Any]:
    return {"sourced_id": one.sourced_id, "name": one.title, "starts_on": one.starts_on, "ends_on": one.ends_on}


def _term(roster: Roster, one: records.Session) -> dict[str, Any]:
    return {
        "sourced_id": one.sourced_id,
        "school_year_id": roster.years[roster.year_of[one.sourced_id]],
        "parent_id": roster.terms.get(one.parent),
        "name": one.title,
        "kind": TERM_KINDS[one.type],
        "starts_on": one.starts_on,
        "ends_on": one.ends_on,
    }
