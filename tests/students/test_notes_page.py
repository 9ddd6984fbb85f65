"""Notes and contacts on a student: kept once, and shown again as they were typed where they are refused."""

from __future__ import annotations

from html import unescape
from typing import Any

from sqlalchemy import func, select

from school_app.audit.events import Event
from school_app.audit.models import AuditRow
from school_app.students.models import Note
from tests.factories import TwoSchools
from tests.visits import hidden, log_in, send


def note_form(page: str) -> str:
    """The form for a note, with the page's reason in it."""
    start = page.index('id="form-note"')
    return unescape(page[start : page.index("</form>", start)])


def test_a_note_that_is_refused_stands_in_its_form_with_the_reason(
    client: Any, session: Any, two_schools: TwoSchools
) -> None:
    ours = two_schools.ours
    session.commit()
    log_in(client, ours.form_master)
    path = f"/students/{ours.student.id}/notes"
    answer = send(client, path, body="<N>" * 1334, kind="meeting", restricted="yes")
    assert answer.status_code == 400
    assert 'href="#form-note"' in answer.text
    shown = note_form(answer.text)
    for words in (
        "Note: 4002 characters are too many",
        "<N>" * 1334,
        'value="meeting" selected',
        'value="yes" checked',
    ):
        assert words in shown, words
    assert "field-error" not in client.get(f"/students/{ours.student.id}").text


def test_a_contact_that_is_refused_is_shown_again_as_a_note_about_a_contact(
    client: Any, session: Any, two_schools: TwoSchools
) -> None:
    ours = two_schools.ours
    session.commit()
    log_in(client, ours.form_master)
    answer = send(client, f"/students/{ours.student.id}/contact", text="The aunt answers.", outcome="shouted")
    assert answer.status_code == 400
    shown = note_form(answer.text)
    for words in ("Contact: choose how it went.", "The aunt answers.</textarea>", 'value="contact" selected'):
        assert words in shown, words


def test_a_note_and_a_contact_sent_twice_are_kept_once(client: Any, session: Any, two_schools: TwoSchools) -> None:
    ours = two_schools.ours
    session.commit()
    page = log_in(client, ours.form_master).get(f"/students/{ours.student.id}").text
    once = hidden(note_form(page), "once")
    for _ in range(2):
        send(client, f"/students/{ours.student.id}/notes", body="He came.", once=once)
        send(client, f"/students/{ours.student.id}/contact", outcome="spoke", text="", once=once)
    for body in ("He came.", "Spoke with the home."):
        assert session.scalar(select(func.count()).select_from(Note).where(Note.body == body)) == 1
    logged = select(func.count()).select_from(AuditRow).where(AuditRow.event == Event.CONTACT_LOGGED)
    assert session.scalar(logged) == 1


def test_a_note_on_the_wrong_child_is_withdrawn_and_read_no_more(
    client: Any, session: Any, two_schools: TwoSchools
) -> None:
    ours = two_schools.ours
    note = ours.things["note"]
    path, student = f"/notes/{note.id}", f"/students/{ours.student.id}"
    session.commit()
    head = log_in(client.application.test_client(), ours.head)
    assert note.body in head.get(student).text
    assert head.get(path).status_code == 404
    assert send(head, path, reason="Not mine to say.").status_code == 404
    log_in(client, ours.form_master)
    assert note.body in client.get(path).text
    assert send(client, path, reason=" ").status_code == 400
    assert send(client, path, reason="On the wrong child.").status_code == 303
    page = head.get(student).text
    assert note.body not in page
    assert f"Withdrawn by {ours.form_master.name}: on the wrong child." in page
    assert "Withdraw it" not in client.get(path).text
    events = session.scalars(select(AuditRow.event).where(AuditRow.actor_id == ours.form_master.id)).all()
    assert Event.NOTE_WITHDRAWN.value in events
