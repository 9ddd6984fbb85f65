"""What is written past the product, or comes during a run, is not believed, and breaks nothing off."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete, func, insert, select, update

from school_app.audit import seal_commands
from school_app.audit.cold.models import ColdFile, ColdStatus
from school_app.audit.cold.store import Folder
from school_app.audit.commands import audit
from school_app.audit.events import Event
from school_app.audit.models import ArchivedAuditRow, AuditRow
from school_app.audit.retention import service
from school_app.audit.retention.carrying import restate
from school_app.audit.retention.destroyed import Destroyed
from school_app.audit.retention.destroying import Destroying, NotAllDestroyed
from school_app.audit.retention.evidence import Evidence
from school_app.audit.retention.models import LegalHold, RetentionRule
from school_app.audit.retention.rules import DataClass
from school_app.audit.seals import seal
from school_app.audit.service import record
from school_app.core import clock
from school_app.core.db import db
from tests.audit.cold.kept import FIRST_ID, listed, say_long_ago
from tests.audit.cold.test_lawful import a_file, destroyed_by, renumber, rule_in_sql
from tests.audit.cold.test_retention import WHY, cold, gone, missing, run
from tests.factories import TwoSchools

__all__ = ["cold"]


def write(session: Any, one: ColdFile, event: str, at: Any, facts: dict[str, Any], **values: Any) -> None:
    """A row of the log by another hand, about the school of a file, above all rows that are sealed."""
    last = session.scalar(select(ArchivedAuditRow.id).order_by(ArchivedAuditRow.id.desc()).limit(1)) or FIRST_ID
    changes = {name: [None, value] for name, value in facts.items()}
    row = {"id": max(last, FIRST_ID + 10_000) + 1, "actor_name": "-", "event": event, "school_id": one.school_id}
    session.connection().execute(insert(ArchivedAuditRow).values(created_at=at, changes=changes, **row, **values))


@pytest.mark.parametrize("sealed", [False, True])
def test_a_destruction_that_is_dated_back_to_before_a_hold_is_not_believed(
    cold: Any, place: Folder, sealed: bool
) -> None:
    one = a_file(cold, 12)
    service.set_hold(cold, school_id=one.school_id or 0, student_id=None, reason=WHY, by="Ada")
    place.remove(one.path)
    one.status, one.destroyed_at = ColdStatus.DESTROYED, clock.now() - timedelta(days=200)
    facts = {name: getattr(one, name) for name in ("path", "rows", "digest", "sha256", "year")}
    told = {**facts, "years": 10, "carried": 0}
    of_cooling = AuditRow.event == str(Event.ROWS_COOLED)
    cold.execute(update(AuditRow).where(of_cooling).values(created_at=clock.now() - timedelta(days=300)))
    write(cold, one, str(Event.ROWS_DESTROYED), one.destroyed_at, told)
    if sealed:
        for _ in seal(cold, clock.now().date() + timedelta(days=1)):
            cold.flush()
    assert (one.school_id, one.year) in missing(cold, place)
    assert "its destruction is not on record" in " ".join(Destroyed(cold).problems)


def test_a_destruction_at_a_time_to_come_is_not_believed(cold: Any, place: Folder) -> None:
    one = a_file(cold, 5)
    destroyed_by(cold, place, one, 10)
    later = clock.now() + timedelta(days=10 * 366)
    one.destroyed_at = later
    cold.execute(update(AuditRow).where(AuditRow.event == str(Event.ROWS_DESTROYED)).values(created_at=later))
    assert (one.school_id, one.year) in missing(cold, place)


def test_a_hold_on_a_school_that_was_made_one_on_a_student_in_sql_still_holds(
    cold: Any, place: Folder, two_schools: TwoSchools
) -> None:
    ours = two_schools.ours
    service.set_hold(cold, school_id=ours.school.id, student_id=None, reason=WHY, by="Ada")
    old = clock.now() - timedelta(hours=1)
    cold.execute(update(AuditRow).where(AuditRow.entity_type == "legal_hold").values(created_at=old))
    table: Any = LegalHold.__table__
    cold.connection().execute(update(table).values(student_id=ours.student.id, set_at=old))
    assert f"stands by its history since {old:%Y-%m-%d}, and not in its table" in " ".join(Destroyed(cold).problems)
    with pytest.raises(NotAllDestroyed, match="stands by its history"):
        run(cold, place)
    assert ours.school.id not in {one.school_id for one in gone(cold)}


def test_a_rule_that_a_later_row_calls_one_of_another_class_stays_what_it_was(cold: Any, place: Folder) -> None:
    say_long_ago(cold, DataClass.SCHOOL_LOG, 20)
    table: Any = RetentionRule.__table__
    rule_id = cold.scalar(select(RetentionRule.id))
    platform = next(one for one in listed(cold) if one.school_id is None)
    thing = {"entity_type": "retention_rule", "entity_id": rule_id}
    write(cold, platform, "row.changed", clock.now(), {"data_class": "platform_log"}, **thing)
    cold.connection().execute(delete(table))
    with pytest.raises(NotAllDestroyed, match="by the history of its rules it is 20"):
        run(cold, place)
    assert {one.school_id for one in gone(cold)} <= {None}
    said = cold.scalar(select(func.min(AuditRow.created_at)).where(AuditRow.entity_type == "retention_rule"))
    told = f"for 10 years, and by the history of its rules it is 20, last said on {said:%Y-%m-%d}: "
    assert told in " ".join(Destroyed(cold).problems)


def test_what_is_said_to_have_been_carried_over_after_the_destruction_does_not_count(cold: Any, place: Folder) -> None:
    run(cold, place)
    one = next(one for one in gone(cold) if one.school_id is not None)
    at = clock.now() - timedelta(days=100)
    one.destroyed_at = clock.now()
    facts = {"of_file": one.path, "of_row": one.first_id, "of_id": one.first_id, "of_thing": "retention_rule"}
    facts |= {"of_event": "row.added", "of_number": 1, "written_at": one.first_at.isoformat(), "years": 1}
    write(cold, one, str(Event.RECORD_CARRIED), at, {**facts, "data_class": "school_log"})
    assert Evidence(cold, place).carried_from(one) == {}


def test_a_hold_that_was_carried_over_speaks_against_a_destruction_that_was_judged_before(
    cold: Any, place: Folder
) -> None:
    say_long_ago(cold, DataClass.SCHOOL_LOG, 2)
    early, later = a_file(cold, 12), a_file(cold, 5)
    assert early.school_id == later.school_id
    destroyed_by(cold, place, early, 2, carried=1)
    early.destroyed_at = clock.now() - timedelta(days=2)
    facts = {"of_file": early.path, "of_row": early.first_id, "of_id": early.first_id, "of_thing": "legal_hold"}
    facts |= {"of_event": "row.added", "of_number": 77, "written_at": early.first_at.isoformat()}
    changes = {name: [None, value] for name, value in facts.items()}
    values = {"actor_name": "-", "event": str(Event.RECORD_CARRIED), "school_id": early.school_id}
    cold.add(AuditRow(created_at=early.destroyed_at, changes=changes, **values))
    cold.flush()
    told = AuditRow.event.in_((str(Event.ROWS_DESTROYED), str(Event.ROWS_COOLED)))
    cold.execute(update(AuditRow).where(told).values(created_at=early.destroyed_at))
    destroyed_by(cold, place, later, 2)
    assert sorted(Destroyed(cold).problems) == [
        f"{one.path}: it was destroyed while a hold stood." for one in (early, later)
    ]


ODD_CHANGES = (
    [1],
    "x",
    {"years": [None, True], "data_class": [None, ["school_log"]]},
    {"of_file": [None, "x"], "of_row": [None, "1"], "of_id": [None, {}], "written_at": [None, "yesterday"]},
    {
        **{name: [None, "x"] for name in ("of_file", "of_event", "of_thing")},
        **{name: [None, 1] for name in ("of_row", "of_id", "of_number")},
        "written_at": [None, "2020-01-01T00:00:00"],
    },
)


@pytest.mark.parametrize("changes", ODD_CHANGES, ids=["a list", "text", "odd values", "odd kinds", "no time zone"])
def test_a_row_that_the_product_never_writes_breaks_nothing_off(cold: Any, place: Folder, changes: Any) -> None:
    school_id = a_file(cold, 12).school_id
    for event, thing in ((str(Event.RECORD_CARRIED), None), ("row.changed", "retention_rule"), ("row.added", "x")):
        values = {"school_id": school_id, "actor_name": "-", "event": event, "entity_type": thing, "entity_id": 3}
        cold.add(AuditRow(changes=changes, **values))
    cold.flush()
    assert run(cold, place).problems == []
    assert (missing(cold, place), Destroyed(cold).problems) == (set(), [])


def test_holds_are_stated_again_so_that_no_file_is_judged_without_them(
    cold: Any, place: Folder, two_schools: TwoSchools
) -> None:
    ours = two_schools.ours.school.id
    hold = service.set_hold(cold, school_id=ours, student_id=None, reason=WHY, by="Ada")
    assert restate(cold, place) == []
    of_hold = AuditRow.entity_type == "legal_hold"
    told = select(AuditRow).where(AuditRow.event == str(Event.HOLD_RESTATED))
    assert cold.scalars(told).all() == []
    cold.execute(update(AuditRow).where(of_hold).values(created_at=clock.now() - timedelta(days=320)))
    assert restate(cold, place) == restate(cold, place) == []
    (again,) = cold.scalars(told).all()
    assert (again.school_id, again.entity_id, WHY in str(again.changes)) == (ours, hold.id, False)
    cold.execute(delete(AuditRow).where(of_hold, AuditRow.event == str(Event.ROW_ADDED)))
    at = clock.now() + timedelta(hours=1)
    assert Evidence(cold, place).holds(ours, at) == {hold.id}
    service.release_hold(cold, hold.id, reason="The case is closed", by="Ada")
    assert Evidence(cold, place).holds(ours, at) == set()
    # As it comes where somebody released it at that very moment.
    record(cold, Event.HOLD_RESTATED, hold, changes={"set_at": [None, str(hold.set_at)]}, school_id=ours)
    assert Evidence(cold, place).holds(ours, at) == set()


def test_a_rule_that_is_changed_while_it_is_stated_again_is_stated_as_it_is(
    cold: Any, place: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    say_long_ago(cold, DataClass.SCHOOL_LOG, 9)
    of_rule = AuditRow.entity_type == "retention_rule"
    cold.execute(update(AuditRow).where(of_rule).values(created_at=clock.now() - timedelta(days=320)))

    def changed_meanwhile(session: Any, place: Folder) -> Evidence:
        found = Evidence(session, place)
        asked = {"years": 20, "source": "A law of some length", "by": "Ada"}
        service.set_period(cold, DataClass.SCHOOL_LOG, school_id=None, **asked)  # type: ignore[arg-type]
        return found

    monkeypatch.setattr("school_app.audit.retention.carrying.Evidence", changed_meanwhile)
    assert restate(cold, place) == []
    (told,) = cold.scalars(select(AuditRow).where(AuditRow.event == str(Event.RULE_RESTATED))).all()
    assert told.changes["years"] == [None, 20]


def test_a_rule_and_a_hold_that_are_changed_during_a_run_are_no_change_past_the_product(
    cold: Any, place: Folder, two_schools: TwoSchools
) -> None:
    going = Destroying(cold, place, "a test")
    steps = going.steps()
    while going.files == 0:
        next(steps)
    service.set_period(cold, DataClass.SCHOOL_LOG, school_id=None, years=11, source="A law of some length", by="Ada")
    for _ in steps:
        cold.flush()
    assert (going.problems, Destroyed(cold).problems) == ([], [])
    assert going.rows == 24


def test_the_command_ends_with_status_1_where_a_rule_or_hold_was_changed_in_sql(
    app: Any, cold: Any, place: Folder, two_schools: TwoSchools, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seal_commands, "unhurried_session", lambda settings: nullcontext(db.session))
    slug = two_schools.ours.school.slug

    def verified(*words: str) -> tuple[int, str]:
        cold.commit()
        done = app.test_cli_runner().invoke(audit, ["verify", *words])
        return done.exit_code, str(done.output)

    ours = two_schools.ours.school.id
    hold_id = service.set_hold(cold, school_id=ours, student_id=None, reason=WHY, by="Ada").id
    old = clock.now() - timedelta(minutes=2)
    cold.execute(update(AuditRow).where(AuditRow.entity_type == "legal_hold").values(created_at=old))
    renumber(cold, AuditRow.id > 0)
    code, said = verified()
    assert (code, "Nothing differs from its seal" in said) == (0, True), said
    table: Any = LegalHold.__table__
    cold.connection().execute(delete(table))
    code, said = verified()
    assert (code, f"Hold {hold_id} on school" in said, "not what is on record" in said) == (1, True, True), said
    assert (verified("--school", slug)[0], verified("--school", "theirs")[0]) == (1, 0)
    rule_in_sql(cold, 2)
    code, said = verified("--school", "platform")
    assert (code, "keeps school_log of the platform for 2 years" in said) == (1, True), said
