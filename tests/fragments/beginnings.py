"""What has to be there before some writes of writes.py can be carried out; each function adds it to our school."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select

from school_app.accounts import service as accounts
from school_app.accounts.models import AccountStatus
from school_app.alerts.evaluation import evaluate
from school_app.alerts.facts import AttendanceCategory
from school_app.alerts.sources import sources
from school_app.attendance.models import AttendanceMark, Register, RegisterState, Session
from school_app.audit.retention.models import LegalHold
from school_app.core.permissions import Role
from school_app.marks.models import AssessmentResult
from school_app.rosters.models import ImportStatus
from school_app.summaries.models import SummaryState
from tests.days import TODAY
from tests.factories import World, account, added
from tests.years.past import past_year


def past(session: Any, world: World) -> None:
    """A year that is over."""
    world.things["past"] = past_year(session, world)


def closed(session: Any, world: World) -> None:
    """A year that is closed, and whose rows are where they belong."""
    past(session, world)
    year = world.things["past"].year(session)
    year.closed_at = year.moved_at = datetime.now(UTC)
    year.closed_by = "Ada"


def class_register(session: Any, world: World) -> None:
    """The register of the class, taken today."""
    taken = {"taken_by": world.teacher.id, "taken_by_name": world.teacher.name, "taken_at": datetime.now(UTC)}
    group = world.things["teaching_group"].id
    row = {"teaching_group_id": group, "date": TODAY, "session": Session.DAY, "state": RegisterState.TAKEN}
    added(session, Register(**row, **taken))


def excused(session: Any, world: World) -> None:
    """The absence at the last register is excused without a reason, so that its code's name is shown."""
    for mark in session.scalars(select(AttendanceMark)):
        mark.code_id, mark.reason = world.codes[AttendanceCategory.ABSENT_EXCUSED].id, None


def gone(session: Any, world: World) -> None:
    """The champion of the case has left."""
    world.things["gone"] = account(session, "gone.ours", Role.SCHOOL_ADMIN, status=AccountStatus.DISABLED)
    world.things["case"].assigned_to = world.things["gone"].id


def step_done(session: Any, world: World) -> None:
    """Nothing is due in the case but its review."""
    world.things["step"].done_at, world.things["step"].done_by = datetime.now(UTC), world.form_master.id


def judged(session: Any, world: World) -> None:
    """Every student is judged today, so that what is written next changes no alert beside it."""
    evaluate(session, sources(), [one.id for one in world.students], as_of=TODAY)


def counted(session: Any, world: World) -> None:
    """The summaries are counted until today, so that a register is counted as soon as it is saved."""
    judged(session, world)
    session.add(SummaryState(counted_to=TODAY))


def link(session: Any, world: World) -> None:
    """The teacher was sent a link."""
    world.things["link"] = accounts.make_link(session, world.teacher.id)


def tried(session: Any, world: World) -> None:
    """The file was tried, and waits to be confirmed."""
    row = world.things["imported"]
    row.status, row.dry_run, row.stored_as = ImportStatus.DONE, True, "tried.csv"


def hold(session: Any, world: World) -> None:
    """Something holds the school's log."""
    world.things["hold"] = added(session, LegalHold(school_id=world.school.id, reason="A court", set_by_name="Ada"))


def without_results(session: Any, world: World) -> None:
    """The assessment has no result."""
    for result in session.scalars(select(AssessmentResult)):
        result.score = None
