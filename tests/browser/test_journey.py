"""One day in a real browser: register, alert, decision, case, and all of it in the history."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from werkzeug.serving import make_server

from school_app.attendance.models import AttendanceMark, Register, RegisterState, Session
from school_app.config import Settings
from school_app.core import clock
from school_app.core.db import db
from school_app.core.tenancy import all_schools, enter_school
from tests import factories, worlds
from tests.databases import app_of_its_own
from tests.factories import PASSWORD, added

CHROMIUM = Path("/usr/bin/chromium")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="/usr/bin/chromium is missing: Debian's package chromium has it."),
]


@pytest.fixture
def served(settings: Settings) -> Iterator[str]:
    """The app on an address of its own, over a database of its own that holds two schools."""
    with app_of_its_own(settings, "browser") as app:
        with app.app_context():
            _two_days_absent(worlds.two_schools(db.session))
            db.session.commit()
        server = make_server("127.0.0.1", 0, app, threaded=True)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join(timeout=10)
        server.server_close()


def _two_days_absent(schools: factories.TwoSchools) -> None:
    """The first student has missed yesterday already; with the day before, today makes the third in a row."""
    ours = schools.ours
    today = clock.today(ours.school.timezone)
    register = added(
        db.session,
        Register(form_id=ours.form.id, date=today - timedelta(days=2), session=Session.DAY, state=RegisterState.TAKEN),
    )
    yesterday = db.session.scalars(select(AttendanceMark)).first()
    assert yesterday is not None
    added(
        db.session,
        AttendanceMark(
            register_id=register.id,
            student_id=ours.student.id,
            date=register.date,
            session=Session.DAY,
            code_id=yesterday.code_id,
            recorded_at=clock.now(),
        ),
    )
    # The case of the factories would be the first row of "my cases"; this journey opens its own.
    with all_schools(db.session):
        db.session.flush()
    enter_school(db.session, None)


@pytest.fixture
def browser(served: str) -> Iterator[Any]:
    """A page of a real browser."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        page = chromium.new_context(base_url=served, viewport={"width": 1280, "height": 900}).new_page()
        failures: list[str] = []
        page.on("console", lambda message: failures.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: failures.append(str(error)))
        yield page
        chromium.close()
    assert failures == []


def log_in(page: Any, login: str) -> None:
    page.goto("/login")
    page.fill("input[name=name]", login)
    page.fill("input[name=password]", PASSWORD)
    page.get_by_role("button", name="Log in").click()


def test_from_the_register_to_the_history(browser: Any) -> None:
    from playwright.sync_api import expect

    page = browser
    log_in(page, "form_master.ours")
    page.get_by_role("link", name="Take the register").click()
    rows = page.locator("[data-register] [role=group]")
    expect(rows).to_have_count(3)
    for place in (0, 1):
        rows.nth(place).get_by_role("radio", name="absent_unexcused canary-ours").check(force=True)
    page.get_by_role("button", name="Save the register").click()
    expect(page.get_by_role("heading", name="register taken")).to_be_visible()
    article = page.locator("article.alert-row").first
    expect(article).to_contain_text("3 school days in a row")
    article.get_by_role("button", name="Open a case").click()
    page.get_by_label("Goal").fill("Here every day until the half-term.")
    page.get_by_label("Strategy").fill("Call home on the first day; check in each Monday.")
    page.locator("#case").get_by_role("button", name="Open the case").click()
    page.wait_for_url("**/cases/*")
    expect(page.get_by_text("Here every day until the half-term.").first).to_be_visible()
    page.locator("details.menu.not-phone summary").click()
    page.get_by_role("button", name="Log out").click()
    page.wait_for_url("**/login")
    log_in(page, "auditor.ours")
    page.wait_for_url("**/audit")
    told = page.locator("main").inner_text()
    for event in ("took the register", "alert raised", "answered the alert", "opened the case", "logged in"):
        assert event in told
