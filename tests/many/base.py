"""What the modules of this package fill a school through."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import select

from school_app.accounts.models import Account
from school_app.schools.models import Form
from school_app.students.models import Student
from tests.plans.filled import Fill

# A form or a class has no more students than a room has chairs, whatever the school has.
CHAIRS = 30
# Nor has a school more of what it has at one time, such as forms, staff and classes of one teacher, than it has rooms;
# of all else there is more with every year.
ROOMS = 90


@dataclass(frozen=True, slots=True)
class Many(Fill):
    """One school that is filled with `number` of everything; `today` is its day."""

    number: int

    def rooms(self) -> Iterator[int]:
        """A number for each thing of which a school has no more than rooms."""
        yield from range(min(self.number, ROOMS))

    def each(self) -> Iterator[tuple[int, date, datetime]]:
        """A number, a day and a moment for each thing, from the latest to the earliest."""
        now = datetime.now(UTC)
        for one in range(self.number):
            yield one, self.today - timedelta(one), now - timedelta(hours=one + 1)


def people_of(many: Many) -> list[int]:
    found = select(Account.id).where(Account.school_id == many.school_id, Account.login.like("person%"))
    return list(many.connection.execute(found.order_by(Account.id)).scalars())


def forms_of(many: Many) -> list[int]:
    """The forms of the present year, that of the world first."""
    found = select(Form.id).where(Form.school_id == many.school_id, Form.is_active, Form.id != many.world.other_form.id)
    return list(many.connection.execute(found.order_by(Form.id)).scalars())


def in_form(many: Many) -> list[int]:
    found = select(Student.id).where(Student.school_id == many.school_id, Student.form_id == many.world.form.id)
    return list(many.connection.execute(found.order_by(Student.id)).scalars())
