"""The page of one case, and everything that is done on it.

It stands on the blueprint of cases/, because it shows what features above cases/ know. What is refused is shown again
as it was typed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

from flask import flash, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from school_app.alerts.models import Alert
from school_app.attendance.history import History
from school_app.audit.events import Event
from school_app.audit.service import record
from school_app.cases import service, words
from school_app.cases.course import courses_of
from school_app.cases.models import Case, CaseStatus, Outcome
from school_app.cases.queries import case_in_care, is_stale, steps_of
from school_app.cases.routes import blueprint, posted_day
from school_app.cases.service import CaseAlreadyClosed, CaseChanged, Ending, InvalidCase
from school_app.core import asked, clock
from school_app.core.db import db
from school_app.core.errors import DomainError, NotFound
from school_app.core.permissions import Permission, requires, viewer
from school_app.core.reading import reading
from school_app.core.words import full_day
from school_app.dashboards import case_figures, timeline
from school_app.students.notes import InvalidNote, notes_on

TEXTS = ("note", "outcome_note", "title")


@dataclass(frozen=True, slots=True)
class Refused:
    """A form of the page that was not taken: which, why, and what was typed into it."""

    action: str
    message: str
    entered: Mapping[str, str]

    @property
    def text(self) -> str:
        """The words that were typed."""
        return next((self.entered[name] for name in TEXTS if self.entered.get(name, "").strip()), "")


@blueprint.get("/cases/<int:case_id>")
@requires(Permission.CASE_VIEW)
def case(case_id: int) -> str:
    """One case: its plan, course, steps and notes, and what the figures say."""
    return _case_page(case_id)


@blueprint.post("/cases/<int:case_id>")
@requires(Permission.CASE_WORK)
def act(case_id: int) -> Response | tuple[str, int]:
    """Do one thing in a case: the posted `action` says which."""
    today = clock.today(g.timezone)
    case_in_care(db.session, viewer(), case_id, today=today)
    word = request.form.get("action", "")
    action = ACTIONS.get(word)
    if action is None:
        raise NotFound("action")
    try:
        said = action(case_id, today)
    except (InvalidCase, InvalidNote, CaseAlreadyClosed, CaseChanged) as error:
        return _refused(case_id, word, error)
    db.session.commit()
    flash(said, "success")
    onward = url_for("dashboards.home") if request.form.get("back") == "home" else _address(case_id)
    return redirect(onward, code=303)


@blueprint.post("/cases/<int:case_id>/close")
@requires(Permission.CASE_WORK)
def close(case_id: int) -> Response | tuple[str, int]:
    """Close a case with its outcome; the figures of that day are kept with it."""
    today = clock.today(g.timezone)
    found = case_in_care(db.session, viewer(), case_id, today=today).case
    word = request.form.get("outcome", "")
    try:
        if word not in {one.value for one in Outcome}:
            raise InvalidCase("Outcome: choose what came of it.")
        figures = case_figures.measured(db.session, found, _history(found, today), today=today)
        ending = Ending(Outcome(word), request.form.get("outcome_note", ""), figures)
        service.close(db.session, case_id, ending, by=viewer().by, once=_once())
    except (InvalidCase, CaseAlreadyClosed) as error:
        return _refused(case_id, "close", error)
    db.session.commit()
    flash("The case is closed.", "success")
    return redirect(_address(case_id), code=303)


def _address(case_id: int) -> str:
    return url_for("cases.case", case_id=case_id)


def _once() -> str:
    return request.form.get("once", "")


def _add_step(case_id: int, today: date) -> str:
    title, due_on = request.form.get("title", ""), posted_day("due_on", "By")
    service.add_step(db.session, case_id, title=title, due_on=due_on, today=today, once=_once())
    return "The step is added."


def _done(case_id: int, today: date) -> str:
    word = request.form.get("step_id", "")
    step = service.finish_step(db.session, case_id, asked.number(word) or 0, by=viewer().by)
    if request.form.get("note", "").strip():
        _note(case_id, today)
    return f"Done: {step.title}."


def _note(case_id: int, today: date) -> str:
    restricted = request.form.get("restricted") == "yes"
    text = request.form.get("note", "")
    service.add_note(db.session, case_id, text, is_restricted=restricted, by=viewer().by, once=_once())
    return "The note is kept."


def _extend(case_id: int, today: date) -> str:
    reason, until = request.form.get("note", ""), posted_day("until", "New review date")
    found = service.extend(
        db.session, case_id, review_on=until, reason=reason, by=viewer().by, today=today, once=_once()
    )
    return f"The review is moved to {full_day(found.review_on)}."


def _escalate(case_id: int, today: date) -> str:
    service.escalate(db.session, case_id, reason=request.form.get("note", ""), by=viewer().by, once=_once())
    return "The case is escalated to the head of year."


def _review(case_id: int, today: date) -> str:
    service.start_review(db.session, case_id, by=viewer().by)
    return "The case is in review."


def _confirm(case_id: int, today: date) -> str:
    service.confirm(db.session, case_id, by=viewer().by, once=_once())
    return "The case is confirmed as still needed."


ACTIONS: dict[str, Callable[[int, date], str]] = {
    "step": _add_step,
    "done": _done,
    "note": _note,
    "extend": _extend,
    "escalate": _escalate,
    "review": _review,
    "confirm": _confirm,
}


def _refused(case_id: int, action: str, error: DomainError) -> tuple[str, int]:
    db.session.rollback()
    return _case_page(case_id, Refused(action, str(error), request.form)), error.status


def _case_page(case_id: int, refused: Refused | None = None) -> str:
    rendered = _printed(case_id, refused)
    db.session.commit()
    return rendered


@reading
def _printed(case_id: int, refused: Refused | None) -> str:
    today = clock.today(g.timezone)
    listed = case_in_care(db.session, viewer(), case_id, today=today)
    found = listed.case
    record(db.session, Event.CASE_VIEWED, found)
    history = _history(found, today)
    reads = viewer().may(Permission.NOTE_READ_RESTRICTED)
    may_work = viewer().may(Permission.CASE_WORK) and found.status is not CaseStatus.CLOSED
    return render_template(
        "cases/case.html",
        listed=listed,
        case=found,
        course=timeline.course(found, courses_of(db.session, [found.id])[found.id]),
        steps=steps_of(db.session, found.id),
        notes=notes_on(db.session, found.student_id, reads_restricted=reads, case_id=found.id),
        alert=db.session.get(Alert, found.alert_id) if found.alert_id else None,
        figures=found.figures or case_figures.measured(db.session, found, history, today=today),
        weeks=case_figures.weeks(found, history, today=today),
        outcomes=list(words.OUTCOMES.items()),
        words=words,
        today=today,
        stale=is_stale(found),
        may_work=may_work,
        refused=refused,
        unsent=_unsent(found, refused, may_work=may_work),
    )


def _unsent(found: Case, refused: Refused | None, *, may_work: bool) -> str:
    """What was typed into a form that the page has no more, because somebody closed or escalated the case meanwhile."""
    if refused is None:
        return ""
    gone = refused.action == "escalate" and found.status is CaseStatus.ESCALATED
    return refused.text if gone or not may_work else ""


def _history(found: Case, today: date) -> History:
    known = case_figures.histories_around(db.session, [found], today=today)
    return known.get(found.student_id, History(()))
