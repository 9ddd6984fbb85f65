"""A destruction is believed by what the log says, whatever the tables and the destruction itself claim."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, insert, select, update

from school_app.audit.cold.cooling import Cooling
from school_app.audit.cold.models import ColdFile, ColdStatus
from school_app.audit.cold.store import Folder
from school_app.audit.events import Event
from school_app.audit.models import ArchivedAuditRow, AuditRow
from school_app.audit.retention import queries, service
from school_app.audit.retention.carrying import restate
from school_app.audit.retention.destroyed import Destroyed
from school_app.audit.retention.destroying import NotAllDestroyed
from school_app.audit.retention.models import LegalHold, RetentionRule
from school_app.audit.retention.rules import DataClass, InvalidRetention, Said, years_by
from school_app.audit.seals import seal
from school_app.core import clock
from tests.audit.cold.kept import SMALL, free, listed, say_long_ago, years_ago
from tests.audit.cold.test_retention import WHY, cold, gone, missing, run
from tests.factories import TwoSchools

__all__ = ["cold"]
CHANGE = {"audit_reason": "a test", "synchronize_session": False}


def rule_in_sql(session: Any, years: int) -> None:
    """What somebody does who may write to the database: a rule that seems to hold for long."""
    at = clock.now() - timedelta(days=400)
    values = {"years": years, "years_before": years, "source": "-", "changed_at": at, "changed_by_name": "-"}
    session.connection().execute(
        insert(RetentionRule).values(school_id=None, data_class=DataClass.SCHOOL_LOG, **values)
    )


def destroyed_by(session: Any, place: Folder, one: ColdFile, years: int, **changes: Any) -> None:
    """A destruction with a record of its own, as the product would write it."""
    place.remove(one.path)
    one.status, one.destroyed_at = ColdStatus.DESTROYED, clock.now()
    told = {name: getattr(one, name) for name in ("path", "rows", "digest", "sha256", "year")}
    facts = {name: [None, value] for name, value in {**told, "years": years, "carried": 0, **changes}.items()}
    values = {"actor_name": "-", "event": str(Event.ROWS_DESTROYED), "school_id": one.school_id}
    session.add(AuditRow(created_at=one.destroyed_at, changes=facts, **values))
    session.flush()


def renumber(session: Any, condition: Any) -> None:
    """Give rows ids above all that are sealed, in the archive, whose next ids nothing depends upon."""
    names = [one.name for one in AuditRow.__table__.c]
    rows = select(AuditRow.id + 8_000_000, *(AuditRow.__table__.c[name] for name in names[1:])).where(condition)
    session.connection().execute(insert(ArchivedAuditRow).from_select(names, rows))
    session.execute(delete(AuditRow).where(condition))


def a_file(session: Any, years: int) -> ColdFile:
    return next(one for one in listed(session) if one.year == years_ago(years) and one.school_id is not None)


def test_a_rule_that_was_changed_in_sql_destroys_nothing_and_is_told(cold: Any, place: Folder) -> None:
    rule_in_sql(cold, 2)
    there = set(place.paths())
    with pytest.raises(NotAllDestroyed, match="Set 10 years by flask retention set"):
        run(cold, place)
    assert {path for path in there if "platform" not in path} <= set(place.paths())
    assert "for 2 years" in " ".join(Destroyed(cold).problems)


def test_a_destruction_by_a_rule_that_was_changed_in_sql_is_not_believed(cold: Any, place: Folder) -> None:
    rule_in_sql(cold, 2)
    one = a_file(cold, 5)
    destroyed_by(cold, place, one, 2)
    assert (one.school_id, one.year) in missing(cold, place)
    assert "its record says 2 years, and the rule was 10" in " ".join(Destroyed(cold).problems)


def test_a_rule_that_is_dated_into_sealed_days_counts_from_its_sealing(cold: Any, place: Folder) -> None:
    one = a_file(cold, 5)
    say_long_ago(cold, DataClass.SCHOOL_LOG, 2)
    renumber(cold, AuditRow.entity_type == "retention_rule")
    destroyed_by(cold, place, one, 2)
    assert (one.school_id, one.year) in missing(cold, place)
    for _ in seal(cold, clock.now().date() + timedelta(days=1)):
        cold.flush()
    assert (one.school_id, one.year) in missing(cold, place)


def test_a_rule_whose_notice_is_over_destroys_and_is_believed(cold: Any, place: Folder) -> None:
    say_long_ago(cold, DataClass.SCHOOL_LOG, 2)
    found = run(cold, place)
    assert found.problems == []
    assert {one.year for one in gone(cold) if one.school_id} == {years_ago(12), years_ago(5)}
    assert (missing(cold, place), Destroyed(cold).problems) == (set(), [])


FORGED = {
    "other years": {"years": 11},
    "another digest": {"digest": "0" * 64},
    "another year": {"year": 1999},
    "carried nothing": {"carried": 3},
}


@pytest.mark.parametrize("how", FORGED)
def test_a_forged_record_is_not_believed(cold: Any, place: Folder, how: str) -> None:
    one = a_file(cold, 12)
    destroyed_by(cold, place, one, **{"years": 10, **FORGED[how]})
    assert (one.school_id, one.year) in missing(cold, place)


def test_a_record_as_the_product_writes_it_is_believed_and_told_while_it_is_not_sealed(
    cold: Any, place: Folder
) -> None:
    one = a_file(cold, 12)
    destroyed_by(cold, place, one, 10)
    renumber(cold, AuditRow.event == str(Event.ROWS_DESTROYED))
    assert missing(cold, place) == set()
    assert "not sealed yet" in " ".join(Destroyed(cold).warnings)
    for _ in seal(cold, clock.now().date() + timedelta(days=1)):
        cold.flush()
    assert (missing(cold, place), Destroyed(cold).warnings) == (set(), [])


def test_a_destroyed_row_within_the_span_of_another_is_not_believed(cold: Any, place: Folder) -> None:
    run(cold, place)
    other = next(one for one in gone(cold) if one.school_id is not None)
    one = next(one for one in listed(cold) if one.school_id == other.school_id and one.status is ColdStatus.KEPT)
    place.remove(one.path)
    one.status, one.destroyed_at = ColdStatus.DESTROYED, other.first_at + (other.last_at - other.first_at) / 2
    cold.flush()
    assert (one.school_id, one.year) in missing(cold, place)


@pytest.mark.parametrize("event", [Event.ROWS_DESTROYED, Event.ROWS_COOLED])
def test_without_its_records_a_destruction_is_not_believed(cold: Any, place: Folder, event: Event) -> None:
    run(cold, place)
    assert missing(cold, place) == set()
    cold.execute(delete(AuditRow).where(AuditRow.event == str(event)))
    assert missing(cold, place) == {(one.school_id, one.year) for one in gone(cold)}


def test_a_file_of_which_no_record_says_that_it_was_cooled_is_not_destroyed(cold: Any, place: Folder) -> None:
    cold.execute(delete(AuditRow).where(AuditRow.event == str(Event.ROWS_COOLED)))
    with pytest.raises(NotAllDestroyed, match="not on record that it came to cold storage"):
        run(cold, place)
    assert gone(cold) == []


@pytest.mark.parametrize("how", ["released", "removed"])
def test_a_hold_that_was_ended_in_sql_still_holds(cold: Any, place: Folder, two_schools: TwoSchools, how: str) -> None:
    ours = two_schools.ours.school.id
    service.set_hold(cold, school_id=ours, student_id=None, reason=WHY, by="Ada")
    old = clock.now() - timedelta(hours=1)
    cold.execute(update(AuditRow).where(AuditRow.entity_type == "legal_hold").values(created_at=old))
    table: Any = LegalHold.__table__
    if how == "released":
        cold.connection().execute(update(table).values(released_at=clock.now()))
    else:
        cold.connection().execute(delete(table))
    with pytest.raises(NotAllDestroyed, match="stands by its history"):
        run(cold, place)
    assert ours not in {one.school_id for one in gone(cold)}
    mine = next(one for one in listed(cold) if one.school_id == ours and one.year == years_ago(12))
    destroyed_by(cold, place, mine, 10)
    assert (ours, years_ago(12)) in missing(cold, place)


@pytest.mark.parametrize("how", ["released", "removed", "another student"])
def test_a_hold_on_a_student_that_was_ended_in_sql_still_holds_the_school(
    cold: Any, place: Folder, two_schools: TwoSchools, how: str
) -> None:
    ours, table = two_schools.ours, LegalHold.__table__
    service.set_hold(cold, school_id=ours.school.id, student_id=ours.student.id, reason=WHY, by="Ada")
    old = clock.now() - timedelta(hours=1)
    cold.execute(update(AuditRow).where(AuditRow.entity_type == "legal_hold").values(created_at=old))
    assert Destroyed(cold).problems == []
    changes: dict[str, Any] = {
        "released": update(table).values(released_at=clock.now()),
        "removed": delete(table),
        "another student": update(table).values(student_id=ours.students[1].id),
    }
    cold.connection().execute(changes[how])
    assert f"on student {ours.student.id}, stands by its history" in " ".join(Destroyed(cold).problems)
    with pytest.raises(NotAllDestroyed, match="stands by its history"):
        run(cold, place)
    assert ours.school.id not in {one.school_id for one in gone(cold)}


def test_records_of_records_are_carried_over_and_the_chain_is_believed(
    cold: Any, place: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = clock.now()
    service.set_period(cold, DataClass.SCHOOL_LOG, school_id=None, years=9, source="A law of some length", by="Ada")
    run(cold, place)
    first = {one.path for one in gone(cold)}
    for more in (13, 26, 39):
        later = now.replace(year=now.year + more, day=15)
        monkeypatch.setattr(clock, "now", lambda later=later: later - timedelta(days=400))
        assert restate(cold, place) == []
        monkeypatch.setattr(clock, "now", lambda later=later: later)
        monkeypatch.setattr("school_app.audit.retention.destroying.compare_clocks", lambda session: None)
        monkeypatch.setattr("school_app.audit.cold.cooling.compare_clocks", lambda session: None)
        renumber(cold, AuditRow.id > 0)
        for _ in seal(cold):
            cold.flush()
        free(cold)
        for _ in Cooling(cold, place, SMALL, "a test", _now=later).steps():
            cold.flush()
        free(cold)
        assert missing(cold, place) == set()
        run(cold, place)
        assert (missing(cold, place), Destroyed(cold).problems) == (set(), [])
    assert {now.year, now.year + 13} <= {one.year for one in gone(cold)}
    assert first <= {one.path for one in gone(cold)}
    assert cold.scalars(select(AuditRow).where(AuditRow.event == str(Event.RECORD_CARRIED))).first() is not None
    # Without what was carried over, the earlier ones are on record nowhere.
    cold.execute(delete(AuditRow).where(AuditRow.event == str(Event.RECORD_CARRIED)))
    assert missing(cold, place) != set()


def test_what_a_file_does_not_hold_cannot_be_said_to_be_carried_over(cold: Any, place: Folder) -> None:
    one = a_file(cold, 12)
    facts = {"of_file": one.path, "of_row": one.first_id, "of_id": one.first_id, "of_thing": "retention_rule"}
    facts |= {"of_event": "row.added", "of_number": 1, "written_at": one.first_at.isoformat(), "years": 1}
    values = {"actor_name": "-", "event": str(Event.RECORD_CARRIED), "school_id": one.school_id}
    cold.add(AuditRow(changes={name: [None, value] for name, value in facts.items()}, **values))
    cold.flush()
    with pytest.raises(NotAllDestroyed, match="it holds nothing of the kind"):
        run(cold, place)
    assert one.path not in {found.path for found in gone(cold)}


def test_rules_are_stated_again_before_their_rows_are_old(cold: Any, place: Folder) -> None:
    say_long_ago(cold, DataClass.SCHOOL_LOG, 9)
    assert restate(cold, place) == []
    cold.execute(
        update(AuditRow)
        .where(AuditRow.entity_type == "retention_rule")
        .values(created_at=clock.now() - timedelta(days=320))
    )
    assert restate(cold, place) == []
    told = select(AuditRow).where(AuditRow.event == str(Event.RULE_RESTATED))
    assert [one.changes["years"] for one in cold.scalars(told)] == [[None, 9]]
    assert restate(cold, place) == []
    assert len(cold.scalars(told).all()) == 1


def test_the_platforms_time_is_the_least_for_every_school(cold: Any, two_schools: TwoSchools) -> None:
    ours = two_schools.ours.school.id
    ask = {"school_id": ours, "source": "The school’s own rule", "by": "Ada"}
    with pytest.raises(InvalidRetention, match="enter 10 or more; the platform keeps"):
        service.set_period(cold, DataClass.SCHOOL_LOG, years=9, **ask)
    service.set_period(cold, DataClass.SCHOOL_LOG, years=12, **ask)
    service.set_period(cold, DataClass.SCHOOL_LOG, school_id=None, years=15, source="A law of some length", by="Ada")
    line = queries.table(cold, ours)[0]
    assert (line.years, line.own_years, line.is_own, line.source) == (15, 12, False, "A law of some length")


def test_years_are_those_that_were_said_with_their_notice(tmp_path: Path) -> None:
    at = clock.now()
    said = [Said(at, 5), Said(at + timedelta(days=40), 20), Said(at + timedelta(days=50), 3)]

    def held(days: int, least: int = 10, *, is_least: bool = False) -> int:
        return years_by(said, at + timedelta(days=days), lambda _: least, is_least=is_least)

    assert [held(days) for days in (-1, 0, 29, 30, 40, 50, 79, 80)] == [10, 10, 10, 5, 20, 20, 20, 3]
    assert [held(days, is_least=True) for days in (30, 40, 80)] == [10, 20, 10]
