"""The archive run: every row is in one table, whatever happens; two runs never work at once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import click
import pytest
from sqlalchemy import func, select

from school_app.archiving.models import ArchiveLease
from school_app.archiving.moving import NotMoved
from school_app.audit import batches
from school_app.audit.archive import ArchiveBusy, LeaseLost, Limits, Run
from school_app.audit.commands import audit
from school_app.audit.events import Event
from school_app.audit.models import ArchivedAuditRow, ArchiveRun, AuditRow, RunStatus
from school_app.audit.runs import runs
from school_app.core.tenancy import all_schools
from tests.factories import TwoSchools

SMALL = Limits(batch=4)


def old_rows(session: Any, world: Any, count: int, days: int = 100) -> None:
    for number in range(count):
        session.add(
            AuditRow(
                created_at=datetime.now(UTC) - timedelta(days=days, seconds=number),
                school_id=world.school.id,
                actor_name="Ängström 🙂",
                event="row.changed",
                entity_type="student",
                entity_id=number,
                changes={"family_name": [None, "tab\there \\ back"]},
            )
        )
    session.flush()


def rows(session: Any, table: Any) -> set[tuple[Any, ...]]:
    columns = (table.id, table.created_at, table.actor_name, table.event, table.entity_id, table.changes)
    return {(*row[:5], str(row[5])) for row in session.execute(select(*columns))}


def carried_out(run: Run) -> Run:
    for _ in run.steps():
        run.session.flush()
    return run


def test_old_rows_move_unchanged_in_batches_and_young_ones_stay(session: Any, two_schools: TwoSchools) -> None:
    old_rows(session, two_schools.ours, 10)
    with all_schools(session):
        before = rows(session, AuditRow)
        run = carried_out(Run(session, SMALL, "a test"))
        hot, cold = rows(session, AuditRow), rows(session, ArchivedAuditRow)
    assert (run.moved, run.batches) == (10, 3)
    assert not hot & cold
    assert before <= hot | cold
    assert all(row[1] >= run.cutoff for row in hot)
    assert len(cold) == 10


def test_the_second_run_moves_nothing(session: Any, two_schools: TwoSchools) -> None:
    old_rows(session, two_schools.ours, 3)
    with all_schools(session):
        carried_out(Run(session, SMALL, "first"))
        assert carried_out(Run(session, SMALL, "second")).moved == 0


def test_a_run_leaves_its_record_and_tells_the_school(session: Any, two_schools: TwoSchools) -> None:
    old_rows(session, two_schools.ours, 3)
    with all_schools(session):
        carried_out(Run(session, SMALL, "nightly"))
        kept = runs(session)[0]
        told = session.execute(
            select(AuditRow.school_id, AuditRow.reason).where(AuditRow.event == Event.ROWS_ARCHIVED)
        ).all()
    assert (kept.status, kept.moved, kept.started_by) == (RunStatus.DONE, 3, "nightly")
    assert [row.school_id for row in told] == [two_schools.ours.school.id]
    assert told[0].reason.startswith("3 rows from before ")


def test_exactly_ninety_days_is_the_line(session: Any, two_schools: TwoSchools) -> None:
    with all_schools(session):
        run = Run(session, SMALL, "a test")
        for offset in (-1, 0, 1):
            session.add(
                AuditRow(
                    created_at=run.cutoff + timedelta(microseconds=offset),
                    actor_name=str(offset),
                    event="x",
                    school_id=two_schools.ours.school.id,
                )
            )
        session.flush()
        carried_out(run)
        moved = session.scalars(select(ArchivedAuditRow.actor_name)).all()
    assert moved == ["-1"]


def test_limits_hold_and_the_next_run_goes_on(session: Any, two_schools: TwoSchools) -> None:
    old_rows(session, two_schools.ours, 10)
    with all_schools(session):
        assert carried_out(Run(session, Limits(batch=4, max_rows=6), "a test")).moved == 6
        assert carried_out(Run(session, SMALL, "a test")).moved == 4


def test_two_runs_never_work_at_once(session: Any, two_schools: TwoSchools) -> None:
    old_rows(session, two_schools.ours, 3)
    with all_schools(session):
        first = Run(session, SMALL, "the first")
        steps = first.steps()
        next(steps)
        with pytest.raises(ArchiveBusy, match="the first"):
            next(Run(session, SMALL, "the second").steps())


def test_a_run_that_slept_past_its_lease_changes_nothing_more(session: Any, two_schools: TwoSchools) -> None:
    old_rows(session, two_schools.ours, 10)
    with all_schools(session):
        slept = Run(session, SMALL, "slept").steps()
        while next(slept) == 0:
            pass
        session.scalars(select(ArchiveLease)).one().expires_at = datetime.now(UTC) - timedelta(seconds=1)
        session.flush()
        successor = carried_out(Run(session, SMALL, "successor"))
        after = rows(session, AuditRow)
        with pytest.raises(LeaseLost):
            next(slept)
        assert rows(session, AuditRow) == after
    assert successor.moved == 6


def test_a_batch_whose_copy_differs_is_not_deleted(
    session: Any, two_schools: TwoSchools, monkeypatch: pytest.MonkeyPatch
) -> None:
    old_rows(session, two_schools.ours, 3)
    monkeypatch.setattr(batches, "_equal", lambda session, batch: False)
    with all_schools(session):
        run = Run(session, SMALL, "a test")
        before = rows(session, AuditRow)
        with pytest.raises(NotMoved, match="digest") as refused:
            carried_out(run)
        run.failed(refused.value)
        assert before <= rows(session, AuditRow)
        kept = session.scalars(select(ArchiveRun)).one()
        lease = session.scalars(select(ArchiveLease)).one()
        assert session.scalar(select(func.count()).select_from(ArchivedAuditRow)) == 0
    assert (kept.status, lease.holder) == (RunStatus.FAILED, None)


def test_a_dry_look_counts_and_writes_nothing(session: Any, two_schools: TwoSchools) -> None:
    old_rows(session, two_schools.ours, 7)
    with all_schools(session):
        assert [one.rows for one in Run(session, SMALL, "a test").plan()] == [7]
        assert session.scalar(select(func.count()).select_from(ArchiveRun)) == 0


def test_the_runs_fit_a_terminal_of_a_hundred_columns_with_every_figure_whole(
    app: Any, session: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    began = datetime(2026, 11, 21, 2, 15, 3, tzinfo=UTC)
    facts = {"started_at": began, "cutoff": began, "finished_at": began + timedelta(seconds=12_345), "fencing_token": 1}
    with all_schools(session):
        for by in ("job audit_archive", "flask retention destroy"):
            figures = {"moved": 12_345_678, "bytes": 14_000_000_000, "waited": 3_600, "error": "x" * 200}
            run = {**facts, **figures, "method": "exchange, batches", "status": RunStatus.STOPPED}
            session.add(ArchiveRun(started_by=by, **run))
        session.commit()
    for name, value in {"FORCE_COLOR": "1", "COLUMNS": "100", "TERM": "xterm"}.items():
        monkeypatch.setenv(name, value)
    with app.app_context():
        shown = click.unstyle(app.test_cli_runner().invoke(audit, ["runs"]).output)
    table = [line for line in shown.splitlines() if not line.startswith("2026")]
    assert max(map(len, table)) <= 100, shown
    for figure in (
        "2026-11-21 02:15",
        "2026-11-21 ",
        "stopped",
        "12,345,678",
        "14,000",
        "12345.0",
        "exchange",
        "batches",
    ):
        assert any(figure in line for line in table), shown
    assert "…" not in shown
    assert "2026-11-21 02:15: It waited 3,600 s for replicas." in shown
    assert f"2026-11-21 02:15: {'x' * 200}" in shown


@pytest.mark.parametrize(
    ("words", "option"),
    [
        (["archive", "--max-seconds", "nan"], "--max-seconds"),
        (["archive", "--pause", "NaN"], "--pause"),
    ],
)
def test_what_is_no_number_of_seconds_is_refused(app: Any, words: list[str], option: str) -> None:
    with app.app_context():
        done = app.test_cli_runner().invoke(audit, words)
    said = click.unstyle(done.output)
    assert (done.exit_code, option in said, "is no number of seconds; write it as in 90 or 0.5" in said) == (
        2,
        True,
        True,
    )
