"""The school years of a roster and their parts.

rosters.service calls it, before everything else.
"""

from __future__ import annotations

from typing import Any

from school_app.rosters import records
from school_app.rosters.problems import Problems
from school_app.rosters.roster import Roster
from school_app.schools.models import SchoolYear, Term, TermKind

TERM_KINDS = {"semester": TermKind.SEMESTER, "term": TermKind.TERM, "gradingPeriod": TermKind.GRADING_PERIOD}


def bring_years(roster: Roster) -> None:
    """Bring in the years, then their parts from the top down, and note in which year each part lies."""
    found = {one.sourced_id: one for _, one in records.sessions(roster.bundle, Problems())}
    roster.years = roster.merge(
        SchoolYear,
        [
            {"sourced_id": one.sourced_id, "name": one.title, "starts_on": one.starts_on, "ends_on": one.ends_on}
            for one in found.values()
            if one.type == "schoolYear"
        ],
    )
    for one in found.values():
        top = one
        while top.type != "schoolYear" and top.parent in found:
            top = found[top.parent]
        roster.year_of[one.sourced_id] = top.sourced_id
        roster.spans[one.sourced_id] = (one.starts_on, one.ends_on)
    waiting = [
        one for one in found.values() if one.type != "schoolYear" and roster.year_of[one.sourced_id] in roster.years
    ]
    while waiting:
        ready = [one for one in waiting if one.parent in roster.years or one.parent in roster.terms or not one.parent]
        roster.terms = roster.merge(Term, [_term(roster, one) for one in ready or waiting])
        waiting = [one for one in waiting if one not in ready] if ready else []


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
