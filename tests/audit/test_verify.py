"""Verification: what is asked for, what is told only, what was kept elsewhere, and how the commands end."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, select, update

from school_app.audit import seal_commands
from school_app.audit import verify as verifying
from school_app.audit.commands import audit
from school_app.audit.differences import Difference, Kind
from school_app.audit.digests import Digest, Group
from school_app.audit.models import AuditRow, AuditSeal, SealRun
from school_app.audit.seals import newest, seal
from school_app.audit.sources import Stretch, Tables
from school_app.audit.verify import EVERYTHING, Asked, verify
from school_app.core.db import db
from school_app.core.tenancy import use_school
from tests.audit.places import Place, days_ago
from tests.audit.sealing import FIRST, LAST, everywhere, sealed, write, write_days
from tests.factories import TwoSchools
from workers import jobs

__all__ = ["everywhere"]
SECOND = FIRST + timedelta(1)


def found(session: Any, asked: Asked = EVERYTHING, *more: Any) -> list[Difference]:
    steps = verify(session, [Tables(session), *more], asked)
    return [one for step in steps for one in step.differences]


def kinds(session: Any, asked: Asked = EVERYTHING) -> list[tuple[Kind, date]]:
    return [(one.kind, one.day) for one in found(session, asked)]


def nightly(session: Any, world: TwoSchools) -> None:
    """Three days, sealed night by night."""
    for back in range(3):
        for school_id in (world.ours.school.id, world.theirs.school.id, None):
            write(session, school_id, FIRST + timedelta(back))
        sealed(session, FIRST + timedelta(back + 1))


def change(session: Any, school_id: int | None, day: date) -> None:
    """Change a row of a school's day."""
    row = session.scalars(select(AuditSeal).where(AuditSeal.school_id == school_id, AuditSeal.day == day)).one()
    session.execute(update(AuditRow).where(AuditRow.id == row.first_id).values(reason="forged"))


def test_days_and_schools_narrow_what_is_compared(everywhere: Any, two_schools: TwoSchools) -> None:
    nightly(everywhere, two_schools)
    ours, theirs = two_schools.ours.school.id, two_schools.theirs.school.id
    change(everywhere, ours, SECOND)
    assert kinds(everywhere) == [(Kind.DIFFERS, SECOND)]
    for asked, expected in (
        (Asked(schools=(ours,)), 1),
        (Asked(schools=(theirs,)), 0),
        (Asked(schools=(None,)), 0),
        (Asked(first=SECOND), 1),
        (Asked(last=FIRST), 0),
        (Asked(first=LAST), 0),
        (Asked(first=SECOND, last=SECOND, schools=(ours, None)), 1),
    ):
        assert len(found(everywhere, asked)) == expected, asked
    steps = list(verify(everywhere, [Tables(everywhere)], Asked(first=SECOND, schools=(ours,))))
    assert (sum(one.seals for one in steps), sum(one.rows for one in steps)) == (2, 6)


def test_a_row_that_was_sealed_late_is_told_and_is_no_difference(everywhere: Any, two_schools: TwoSchools) -> None:
    nightly(everywhere, two_schools)
    write(everywhere, two_schools.ours.school.id, SECOND, 1)
    (waiting,) = found(everywhere)
    assert (waiting.kind, waiting.day, waiting.is_warning) == (Kind.LATE, SECOND, True)
    sealed(everywhere)
    (late,) = found(everywhere)
    assert (late.kind, late.day, late.school_id, late.is_warning) == (
        Kind.LATE,
        SECOND,
        two_schools.ours.school.id,
        True,
    )


def test_the_pieces_of_an_old_log_are_not_late(
    everywhere: Any, two_schools: TwoSchools, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_days(everywhere, two_schools)
    monkeypatch.setattr("school_app.audit.seals.MOST_ROWS", 4)
    pieces = seal(everywhere, LAST + timedelta(1))
    next(pieces)
    next(pieces)
    # Broken off, and taken up again on another night.
    sealed(everywhere, LAST + timedelta(2))
    assert found(everywhere) == []


def test_rows_that_should_have_been_sealed_are_a_difference(
    everywhere: Any, two_schools: TwoSchools, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(everywhere, None, FIRST)
    assert kinds(everywhere) == [(Kind.UNSEALED, FIRST)]
    sealed(everywhere, SECOND)
    write(everywhere, None, SECOND)
    for hours, expected in ((24, []), (49, [(Kind.UNSEALED, SECOND)])):
        now = datetime(FIRST.year, FIRST.month, FIRST.day, tzinfo=UTC) + timedelta(hours=24 + hours)
        monkeypatch.setattr(verifying.clock, "now", lambda now=now: now)
        assert kinds(everywhere) == expected


@pytest.mark.parametrize("is_sealed", [False, True])
def test_a_row_of_a_day_to_come_is_a_difference(everywhere: Any, two_schools: TwoSchools, is_sealed: bool) -> None:
    ours, today = two_schools.ours.school.id, datetime.now(UTC).date()
    write(everywhere, ours, FIRST)
    write(everywhere, None, today + timedelta(1))
    write(everywhere, ours, date(2099, 5, 17), 1)
    write(everywhere, None, FIRST)
    sealed(everywhere, SECOND) if is_sealed else sealed(everywhere, FIRST)
    (ahead,) = (one for one in found(everywhere) if one.kind is Kind.AHEAD)
    assert (ahead.school_id, ahead.day, ahead.is_warning) == (ours, date(2099, 5, 17), False)
    assert ahead.sentence.startswith("1 row of a day to come")
    for asked in (Asked(schools=(None,)), Asked(last=date(2099, 5, 16)), Asked(first=date(2099, 5, 18))):
        assert Kind.AHEAD not in {kind for kind, _ in kinds(everywhere, asked)}, asked


def test_a_hash_that_was_kept_has_to_be_there(everywhere: Any, two_schools: TwoSchools) -> None:
    nightly(everywhere, two_schools)
    ours, theirs = two_schools.ours.school.id, two_schools.theirs.school.id
    with use_school(everywhere, ours):
        kept = newest(everywhere).hash  # type: ignore[union-attr]
    assert found(everywhere, Asked(kept=kept)) == found(everywhere, Asked(schools=(ours,), kept=kept)) == []
    assert kinds(everywhere, Asked(schools=(theirs,), kept=kept)) == [(Kind.BROKEN, LAST)]
    above_id = everywhere.scalars(select(SealRun.above_id).order_by(SealRun.above_id.desc())).first()
    for table, column in ((AuditRow, AuditRow.id), (AuditSeal, AuditSeal.up_to_id), (SealRun, SealRun.up_to_id)):
        everywhere.execute(delete(table).where(column > above_id))
    assert found(everywhere) == []
    assert kinds(everywhere, Asked(kept=kept)) == [(Kind.BROKEN, SECOND)]


def test_a_changed_sealing_run_is_told_by_the_day_on_which_it_ran(everywhere: Any, two_schools: TwoSchools) -> None:
    nightly(everywhere, two_schools)
    first = everywhere.scalars(select(SealRun).order_by(SealRun.up_to_id)).first()
    everywhere.execute(update(SealRun).where(SealRun.id == first.id).values(complete_before=None))
    said = f"The sealing run of {first.sealed_at:%Y-%m-%d} is not what it was."
    assert said in [one.sentence for one in found(everywhere)]


class Shelf:
    """A source beside the database."""

    def __init__(self, digests: dict[Group, Digest]) -> None:
        self._digests = digests

    def digests(self, stretch: Stretch) -> dict[Group, Digest]:
        """Those of the stretch's ids."""
        return {
            group: one
            for group, one in self._digests.items()
            if (stretch.above_id or 0) < one.first_id and one.last_id <= (stretch.up_to_id or 0)
        }


def test_rows_may_lie_in_another_source_but_not_in_two(everywhere: Any, two_schools: TwoSchools) -> None:
    nightly(everywhere, two_schools)
    digests = Tables(everywhere).digests(Stretch(None, None, last=FIRST))
    shelf = Shelf(dict(digests))
    assert {one.kind for one in found(everywhere, EVERYTHING, shelf)} == {Kind.EXTRA}
    everywhere.execute(delete(AuditRow).where(AuditRow.created_at < datetime(2025, 3, 2, tzinfo=UTC)))
    assert {one.day for one in found(everywhere)} == {FIRST}
    assert found(everywhere, EVERYTHING, shelf) == []


@pytest.fixture
def app_here(app: Any, everywhere: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The app, whose commands work in the test's own transaction."""
    monkeypatch.setattr(seal_commands, "unhurried_session", lambda settings: nullcontext(db.session))
    return app


def run(app: Any, *words: str) -> tuple[int, str]:
    with app.app_context():
        done = app.test_cli_runner().invoke(audit, list(words))
        return done.exit_code, str(done.output)


def test_the_command_verifies(app_here: Any, everywhere: Any, two_schools: TwoSchools) -> None:
    write_days(everywhere, two_schools)
    sealed(everywhere)
    everywhere.commit()
    code, said = run(app_here, "verify")
    assert (code, "27 rows compared with 9 seals" in said, "Nothing differs" in said) == (0, True, True)
    change(everywhere, two_schools.ours.school.id, SECOND)
    change(everywhere, two_schools.ours.school.id, LAST)
    everywhere.commit()
    code, said = run(app_here, "verify")
    assert (code, "2 differences; the first day that differs is 2025-03-02 (ours)" in said) == (1, True)
    assert run(app_here, "verify", "--school", "theirs")[0] == 0
    assert run(app_here, "verify", "--school", "platform", "--to", "2025-03-01")[0] == 0
    assert run(app_here, "verify", "--school", "ours", "--from", "2025-03-03")[0] == 1
    assert run(app_here, "verify", "--school", "nowhere")[0] == 1
    code, said = run(app_here, "verify", "--from", "yesterday")
    assert (code, "'yesterday' is no day; write it as in 2026-05-17" in said) == (2, True)
    for day in ("9999-12-31", "0001-01-01"):
        code, said = run(app_here, "verify", "--to", day)
        assert (code, f"{day} lies outside the years 1900 to 2199" in said) == (2, True), said
    code, said = run(app_here, "verify", "--from", "2025-03-03", "--to", "2025-03-01")
    assert (code, "lies after the last one" in said) == (2, True)


def test_the_command_ends_with_status_0_where_rows_are_late(
    app_here: Any, everywhere: Any, two_schools: TwoSchools
) -> None:
    write_days(everywhere, two_schools)
    sealed(everywhere)
    write(everywhere, None, SECOND, 1)
    everywhere.commit()
    code, said = run(app_here, "verify")
    assert (code, "late" in said) == (0, True)


def test_what_the_command_seals_is_sealed_and_its_hash_known(place: Place) -> None:
    place.write(*days_ago(5, 4, 4, 3))
    code, said = run(place.app, "seal")
    assert (code, "4 rows sealed by 3 seals in 1 run." in said) == (0, True)
    kept = said.split()[-1]
    assert "0 rows sealed" in run(place.app, "seal")[1]
    assert run(place.app, "verify", "--seal", f" {kept.upper()} ")[0] == 0
    for odd in ("xyz", "0" * 63, "g" * 64):
        code, said = run(place.app, "verify", "--seal", odd)
        assert (code, "a hash is 64 characters" in said) == (2, True)
    code, said = run(place.app, "verify", "--seal", "0" * 64)
    assert (code, "chain broken" in said) == (1, True)


def test_the_job_seals_and_leaves_its_hash(place: Place) -> None:
    place.write(*days_ago(5, 4))
    with place.app.app_context():
        counts = jobs.seal_audit()
        assert counts == {"runs": 1, "rows": 2, "seals": 2, "hash": counts["hash"]}
        assert jobs.seal_audit() == {"runs": 0, "rows": 0, "seals": 0}
    assert run(place.app, "verify", "--seal", counts["hash"])[0] == 0
