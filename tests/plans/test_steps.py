"""A row of a server's plan, as a step of a statement."""

from __future__ import annotations

from school_app.core.db.plans import step_of


def told(rows: object) -> dict[str, object]:
    return {
        **{"table": "student", "partitions": None, "type": "ref|filter", "key": "ix_a|ix_b"},
        **{"rows": rows, "Extra": "Using rowid filter"},
    }


def test_rows_are_read_as_number_as_text_and_with_the_share_that_a_filter_leaves() -> None:
    assert [step_of("select student", told(rows)).rows for rows in (12, "12", "12 (2%)", None)] == [12, 12, 12, None]
