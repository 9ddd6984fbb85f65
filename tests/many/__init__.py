"""A school with so many of everything that has a page, beside the one of each that things.py makes.

tests/architecture/test_reads.py reads a school with few and one with many. The rows are written below the guards.
"""

from __future__ import annotations

from datetime import date

from sqlalchemy import Connection

from tests.factories import TwoSchools
from tests.many import chain, files, people
from tests.many.base import Many


def multiply(connection: Connection, schools: TwoSchools, number: int, today: date) -> None:
    """Give our school and the platform so many of everything, as committed rows."""
    many = Many(connection, schools.ours, today, number)
    people.staff(many)
    people.years_and_forms(many)
    people.students(many)
    people.classes(many)
    chain.registers(many)
    chain.alerts(many)
    chain.cases(many)
    chain.record(many)
    files.platform(many, schools.operator.id)
    files.history(many)
