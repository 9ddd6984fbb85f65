"""What lies within what in a bundle: sessions in school years, organisations in others. Nothing may lie within itself.

rosters.check and rosters.years use it; it knows no file's other columns.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from school_app.rosters.problems import Problems

# A grading period in a term in a semester in a year is four; a district of a county of a state is no more.
DEEPEST = 10
COLUMN = "parentSourcedId"


@dataclass(frozen=True, slots=True)
class Within:
    """Where a row stands, and the row that it lies within; "" for none."""

    line: int
    parent: str


def check_nesting(file: str, rows: Mapping[str, Within], problems: Problems) -> None:
    """Note every parent that is not there, and every row that lies within itself, directly or by others."""
    for sourced_id, one in rows.items():
        if one.parent and one.parent not in rows:
            message = f"{one.parent!r} is nowhere in the bundle."
            remedy = "Export the row it points to, or leave the field empty."
            problems.error(file, one.line, COLUMN, message=message, remedy=remedy)
            continue
        chain = chain_of(sourced_id, rows)
        last = rows[chain[-1]].parent
        if last == sourced_id:
            message = f"{sourced_id!r} lies within itself: {' in '.join([*chain, sourced_id])}."
            problems.error(file, one.line, COLUMN, message=message, remedy="Point it to what it is a part of.")
        elif last in rows and last not in chain:
            message = f"{sourced_id!r} lies more than {DEEPEST} rows deep."
            problems.error(file, one.line, COLUMN, message=message, remedy="Point it to what it is a part of.")


def chain_of(sourced_id: str, rows: Mapping[str, Within]) -> list[str]:
    """A row, the one that it lies within, and so on upwards; it ends at the top, before a circle, or at DEEPEST."""
    chain = [sourced_id]
    while len(chain) <= DEEPEST:
        parent = rows[chain[-1]].parent
        if parent not in rows or parent in chain:
            break
        chain.append(parent)
    return chain
