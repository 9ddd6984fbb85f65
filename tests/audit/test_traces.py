"""An emptied log is not taken for none: archive runs and ids tell; what may be sealed plainly."""

from __future__ import annotations

import pytest
from sqlalchemy import delete

from school_app.audit.models import AuditSeal, SealRun
from tests.audit.places import TABLES, Place, days_ago
from tests.audit.test_verify import run


def test_an_emptied_log_is_told_by_its_archive_runs_and_by_the_ids_that_were_given(place: Place) -> None:
    place.write(*days_ago(120, 110, 100))
    place.seal()
    place.run()
    assert run(place.app, "verify")[0] == 0
    with place.engine.begin() as connection:
        for table in (*TABLES, AuditSeal, SealRun):
            connection.execute(delete(table))
    code, said = run(place.app, "verify")
    assert (code, "0 rows compared with 0 seals" in said, "Nothing differs" in said) == (1, True, False)
    assert "Archive runs have moved 3 rows; the archive is empty, and nothing is sealed." in said
    assert "numbers of rows were given; no row is there, and nothing is sealed." in said


@pytest.mark.parametrize(("days", "plainly"), [(2, True), (9, False)])
def test_only_what_one_night_left_is_simply_to_be_sealed(place: Place, days: int, plainly: bool) -> None:
    place.write(*days_ago(days))
    code, said = run(place.app, "verify")
    assert (code, "rows are not sealed; “flask audit seal” seals them." in said) == (1, plainly)
    assert ("sealing would bless what was done" in said) is not plainly
