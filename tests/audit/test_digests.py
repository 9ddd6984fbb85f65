"""The digest of audit rows: the server's and ours are one, whatever a row holds, and any change of a row changes it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, cast

import pytest
from sqlalchemy import Table, Text, select, text, type_coerce, update

from school_app.audit.digests import COLUMNS, LEAF, digest_of, digests, digests_between, row_hash
from school_app.audit.models import ArchivedAuditRow, AuditRow
from school_app.core.tenancy import all_schools
from tests.factories import TwoSchools

HOT, ARCHIVE = cast(Table, AuditRow.__table__), cast(Table, ArchivedAuditRow.__table__)
NOON = datetime(2025, 3, 1, 12, tzinfo=UTC)
ODD = ("Ängström 🙂", "tab\there \\ back'slash\"", "", " trailing ", "-", "1:x", "\u200b", "x" * 200)


def filled(session: Any, world: Any) -> None:
    """Rows with everything odd in them, over three days and two leaves."""
    for number in range(24):
        session.add(
            AuditRow(
                id=LEAF * 900 - 12 + number,
                created_at=NOON + timedelta(days=number % 3, microseconds=number),
                school_id=None if number % 5 == 0 else world.school.id,
                actor_id=None if number % 2 else number,
                actor_name=ODD[number % len(ODD)],
                event="row.changed",
                entity_type=None if number % 3 else "student",
                student_id=number or None,
                changes=None if number % 4 == 0 else {"name": [None, ODD[number % len(ODD)]], "n": [1, 2.5]},
                reason=ODD[-1 - number % len(ODD)] * (2 if number % 7 == 0 else 1),
                request_id=f"r{number}",
            )
        )
    session.flush()


def here(session: Any, table: Table) -> dict[Any, Any]:
    """The digests by our own hashing."""
    found: dict[Any, list[tuple[int, str]]] = {}
    columns = [type_coerce(table.c[name], Text) if name == "changes" else table.c[name] for name in COLUMNS]
    for row in session.execute(select(*columns).where(table.c.created_at < NOON + timedelta(days=9))):
        values = dict(zip(COLUMNS, row, strict=True))
        found.setdefault((values["school_id"], values["created_at"].date()), []).append(
            (values["id"], row_hash(values))
        )
    return {key: digest_of(hashes) for key, hashes in found.items()}


def told(session: Any, *tables: Table) -> dict[Any, Any]:
    return digests(session, tables, lambda table: table.c.created_at < NOON + timedelta(days=9))


def test_the_server_hashes_as_we_do(session: Any, two_schools: TwoSchools) -> None:
    with all_schools(session):
        filled(session, two_schools.ours)
        found = told(session, HOT)
        assert found == here(session, HOT)
        assert len(found) == 6
        whole = digests(session, [HOT], lambda table: table.c.created_at < NOON + timedelta(days=9), by_day=False)
        assert whole[None].rows == sum(one.rows for one in found.values()) == 24


def test_ranges_of_ids_are_digested_together_as_each_alone(session: Any, two_schools: TwoSchools) -> None:
    ends = [LEAF * 900 - 5, LEAF * 900, LEAF * 900 + 4]
    with all_schools(session):
        filled(session, two_schools.ours)
        old = HOT.c.created_at < NOON + timedelta(days=9)
        together = digests_between(session, [HOT], lambda table: old, ends)
        assert sorted(together) == [0, 1, 2, 3]
        for part, (above, up_to) in enumerate(pairwise([LEAF, *ends, LEAF * 900 + 11])):
            alone = digests(session, [HOT], lambda table, a=above, b=up_to: old & table.c.id.between(a + 1, b))
            assert together[part] == alone


def test_where_a_row_lies_changes_nothing(session: Any, two_schools: TwoSchools) -> None:
    with all_schools(session):
        filled(session, two_schools.ours)
        before = told(session, HOT)
        session.execute(text(f"INSERT INTO audit_log_archive SELECT * FROM audit_log WHERE id % 2 = 0 AND id > {LEAF}"))
        session.execute(text(f"DELETE FROM audit_log WHERE id % 2 = 0 AND id > {LEAF}"))
        assert told(session, HOT) != before
        assert told(session, HOT, ARCHIVE) == before


@pytest.mark.parametrize(
    "change",
    [
        {"actor_name": "Angström 🙂"},
        {"actor_name": "ängström 🙂"},
        {"reason": None},
        {"student_id": 99},
        {"changes": {"name": [None, "other"]}},
        {"created_at": NOON + timedelta(microseconds=9)},
    ],
)
def test_any_change_of_a_row_is_seen(session: Any, two_schools: TwoSchools, change: dict[str, Any]) -> None:
    with all_schools(session):
        filled(session, two_schools.ours)
        before = told(session, HOT)
        found = session.scalars(select(HOT.c.id).where(HOT.c.created_at < NOON + timedelta(days=9)).order_by(HOT.c.id))
        session.execute(update(HOT).where(HOT.c.id == found.all()[8]).values(**change))
        assert told(session, HOT) != before


def test_a_value_that_looks_like_two_is_told_from_them() -> None:
    plain = dict.fromkeys(COLUMNS)
    assert row_hash({**plain, "event": "1:a", "entity_type": None}) != row_hash(
        {**plain, "event": None, "entity_type": "1:a"}
    )
    assert row_hash({**plain, "event": "-"}) != row_hash(plain)
