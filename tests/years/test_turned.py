"""The job over a school year that was closed or reopened once more since it was asked for."""

from __future__ import annotations

from sqlalchemy import update

from school_app.config import Settings
from school_app.schools.models import SchoolYear
from tests.years.places import place_of_its_own
from workers import jobs


def test_a_job_whose_year_was_reopened_meanwhile_has_nothing_to_do_and_has_not_failed(settings: Settings) -> None:
    with place_of_its_own(settings, "turned") as place:
        before = place.begin_anew()
        with place.engine.begin() as connection:
            connection.execute(update(SchoolYear).where(SchoolYear.id == place.year_id).values(closed_at=None))
        with place.app.app_context():
            done = jobs.move_school_year(place.year_id)
        assert (done["moved"], done["finished"]) == (0, False)
        assert "is open, and its rows are where they belong" in done["ended"]
        assert place.rows() == before
