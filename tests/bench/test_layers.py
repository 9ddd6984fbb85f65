"""Indexes that are taken away for a measurement are seen again after it."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.exc import OperationalError

from bench.load.layers import show_indexes, without_indexes
from school_app.config import Settings
from tests import databases

HIDDEN = {
    True: "SELECT COUNT(*) FROM information_schema.statistics WHERE table_schema = DATABASE() AND ignored = 'YES'",
    False: "SELECT COUNT(*) FROM information_schema.statistics WHERE table_schema = DATABASE() AND is_visible = 'NO'",
}
BY_INDEX = "SELECT id FROM student FORCE INDEX (ix_student_school_id_given_name) WHERE school_id = 1"


def hidden(engine: Engine) -> int:
    with engine.connect() as connection:
        return int(connection.execute(text(HIDDEN[bool(connection.dialect.is_mariadb)])).scalar_one())


def is_seen(engine: Engine) -> bool:
    """Whether a statement may go by the index: one that is hidden is refused as if it were not there."""
    with engine.connect() as connection:
        try:
            connection.execute(text(BY_INDEX))
        except OperationalError as error:
            if "ix_student_school_id_given_name" in str(error.orig):
                return False
            raise
    return True


def test_indexes_are_hidden_in_the_block_and_seen_after_it_even_where_it_fails(settings: Settings) -> None:
    with databases.app_of_its_own(settings, "layers") as app:
        url = app.config["FORMROOM"].database_url
        engine = create_engine(url)
        assert is_seen(engine)
        with pytest.raises(RuntimeError, match="in between"):
            _fail_without_indexes(engine, url)
        assert hidden(engine) == 0
        assert is_seen(engine)
        engine.dispose()


def _fail_without_indexes(engine: Engine, url: str) -> None:
    with without_indexes(url):
        assert hidden(engine) > 10
        assert not is_seen(engine)
        raise RuntimeError("in between")


def test_what_a_killed_measurement_has_left_hidden_is_shown_again(settings: Settings) -> None:
    with databases.app_of_its_own(settings, "layers") as app:
        url = app.config["FORMROOM"].database_url
        engine = create_engine(url)
        left = without_indexes(url)
        left.__enter__()
        assert hidden(engine) > 10
        show_indexes(url)
        assert hidden(engine) == 0
        # Showing what is seen already changes nothing.
        left.__exit__(None, None, None)
        assert hidden(engine) == 0
        engine.dispose()
