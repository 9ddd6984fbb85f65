"""The page of thresholds: what they would flag is shown before they hold."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from school_app.alerts.queries import thresholds_of
from school_app.alerts.thresholds import Thresholds
from tests.factories import TwoSchools
from tests.visits import log_in, send


def entered(**changed: str) -> dict[str, str]:
    values = {name: str(value) for name, value in asdict(Thresholds()).items() if name != "mute_excused"}
    return {**values, "mute_excused": "yes", **changed}


def test_thresholds_are_previewed_before_they_are_kept(client: Any, session: Any, two_schools: TwoSchools) -> None:
    session.commit()
    log_in(client, two_schools.ours.admin)
    assert "These flag today" in client.get("/admin/thresholds").text
    shown = send(client, "/admin/thresholds", do="preview", version="0", **entered(incident_count="1")).text
    assert "These would flag" in shown
    assert "1 of 6" in shown
    assert thresholds_of(session).incident_count == 2
    assert send(client, "/admin/thresholds", do="save", version="0", **entered(incident_count="1")).status_code == 303
    assert thresholds_of(session).incident_count == 1


def test_what_cannot_hold_is_named_and_not_kept(client: Any, session: Any, two_schools: TwoSchools) -> None:
    session.commit()
    log_in(client, two_schools.ours.admin)
    answer = send(client, "/admin/thresholds", do="save", version="0", **entered(chronic_percent="4"))
    assert answer.status_code == 400
    assert "must be more than" in answer.text
    stale = send(client, "/admin/thresholds", do="save", version="7", **entered())
    assert stale.status_code == 409
