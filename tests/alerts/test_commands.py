"""flask alerts evaluate, as an operator runs it."""

from __future__ import annotations

from typing import Any

from school_app.alerts.commands import alerts
from tests.factories import TwoSchools


def test_the_command_counts_each_school_and_prints_reasons(app: Any, session: Any, two_schools: TwoSchools) -> None:
    session.commit()
    with app.app_context():
        done = app.test_cli_runner().invoke(alerts, ["evaluate", "--school", "ours", "--reasons", "2"])
    assert done.exit_code == 0, done.output
    assert "School canary-ours" in done.output
    assert "students judged                6" in done.output
    assert "canary-theirs" not in done.output


def test_an_unknown_school_is_named(app: Any, session: Any, two_schools: TwoSchools) -> None:
    session.commit()
    with app.app_context():
        done = app.test_cli_runner().invoke(alerts, ["evaluate", "--school", "nowhere"])
    assert done.exit_code == 1
    assert "There is no open school 'nowhere'" in done.output


def test_a_day_outside_the_calendar_is_refused_in_words(app: Any) -> None:
    with app.app_context():
        done = app.test_cli_runner().invoke(alerts, ["evaluate", "--as-of", "9999-12-31"])
    assert (done.exit_code, "9999-12-31 lies outside the years 1900 to 2199" in done.output) == (2, True), done.output
