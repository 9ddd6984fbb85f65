"""The pages of school years, and a register of a closed one."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from school_app.core.jobs import JobRun
from school_app.schools.context import school_changed
from school_app.schools.models import SchoolYear
from school_app.years import service
from tests.factories import TwoSchools
from tests.visits import log_in, send
from tests.years.past import TODAY, Past, carried_out

pytestmark = pytest.mark.usefixtures("_known_at_once")


def test_an_admin_sees_what_waits_and_closes_the_year(
    client: Any, session: Any, two_schools: TwoSchools, past: Past
) -> None:
    log_in(client, two_schools.ours.admin)
    assert "over, not closed" in client.get("/admin/years").text
    page = client.get(f"/admin/years/{past.year_id}").text
    assert "1 register taken back, and not taken anew" in page
    assert "5 registers and 4 marks move to the archive" in page
    send(client, f"/admin/years/{past.year_id}/close")
    assert "tick that the year is to be closed" in client.get(f"/admin/years/{past.year_id}").text
    send(client, f"/admin/years/{past.year_id}/close", confirm="yes")
    told = client.get("/admin/years").text
    assert "Before is closed: its registers can be read, and not be changed." in told
    assert "5 registers and 4 marks are still to be moved." in told
    year = session.get_one(SchoolYear, past.year_id, populate_existing=True)
    assert year.closed_by == two_schools.ours.admin.name
    job = session.scalars(select(JobRun).where(JobRun.name == "workers.jobs.move_school_year")).one()
    assert (job.queue, job.arguments) == ("slow", {"year_id": past.year_id})


def test_a_closed_year_is_reopened_with_a_reason(
    client: Any, session: Any, two_schools: TwoSchools, past: Past
) -> None:
    log_in(client, two_schools.ours.admin)
    service.close(session, past.year_id, by="Ada Admin", today=TODAY)
    session.commit()
    send(client, f"/admin/years/{past.year_id}/reopen", reason="")
    assert "say in 3 to 300 characters" in client.get(f"/admin/years/{past.year_id}").text
    send(client, f"/admin/years/{past.year_id}/reopen", reason="a register was wrong")
    assert "Before is being reopened" in client.get("/admin/years").text
    page = client.get(f"/admin/years/{past.year_id}").text
    # It was reopened before a row had left.
    assert "It is being reopened, and is open when the run has ended" in page
    assert "0 registers" not in page


def test_a_year_under_way_offers_no_closing(client: Any, two_schools: TwoSchools) -> None:
    log_in(client, two_schools.ours.admin)
    page = client.get(f"/admin/years/{two_schools.ours.things['year'].id}").text
    assert "It can be closed from the day after it" in page
    assert "Close the year" not in page


def test_a_register_of_a_closed_year_is_text_and_saving_it_is_refused(
    client: Any, session: Any, two_schools: TwoSchools
) -> None:
    """A master of a form of this year, whose year is made to be over, closed and moved."""
    ours = two_schools.ours
    year = session.get_one(SchoolYear, ours.things["year"].id)
    on = ours.things["register"].date
    year.ends_on = on
    session.flush()
    log_in(client, ours.form_master)
    address = f"/register/{ours.form.id}/{on}"
    assert '<input type="radio"' in client.get(address).text
    service.close(session, year.id, by="Ada Admin", today=TODAY)
    school_changed(session)
    carried_out(session, ours.things["year"].id)
    page = client.get(address).text
    assert "is closed: its registers and its calendar can be read, and not be changed" in page
    assert f"Reason {ours.canary}" in page
    assert 'type="radio"' not in page
    assert "Take the register back" not in page
    refused = send(client, address, **{f"code-{ours.student.id}": "present", "seen": ""})
    assert refused.status_code == 409
    assert "is closed: its registers" in refused.text
    back = send(client, f"{address}/take-back", reason="a mistake")
    assert back.status_code == 409


def test_a_closed_year_costs_pages_of_open_days_no_statement(
    client: Any, session: Any, two_schools: TwoSchools, past: Past, statements: list[str]
) -> None:
    log_in(client, two_schools.ours.form_master)
    addresses = ("/", "/registers", f"/register/{two_schools.ours.form.id}/{TODAY}")

    def counted() -> list[int]:
        found = []
        for address in addresses:
            client.get(address)
            statements.clear()
            assert client.get(address).status_code == 200
            assert not [one for one in statements if "register_archive" in one or "mark_archive" in one]
            found.append(len(statements))
        return found

    before = counted()
    service.close(session, past.year_id, by="Ada Admin", today=TODAY)
    school_changed(session)
    carried_out(session, past.year_id)
    session.commit()
    assert counted() == before


def test_a_register_of_another_year_says_of_which(
    client: Any, session: Any, two_schools: TwoSchools, past: Past
) -> None:
    session.commit()
    log_in(client, two_schools.ours.admin)
    on = past.days[0]
    page = client.get(f"/register/{past.group.id}/{on}").text
    assert f"{on:%A} {on.day} {on:%B} {on.year}" in page
