"""What the things that the history speaks of are called today: one statement for each kind of thing on a page.

history/ alone uses it. Only the session's school is read; what is no longer there says its number.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session, aliased, scoped_session

from school_app.accounts.forms import ROLE_WORDS
from school_app.accounts.models import Account, AccountRole, OperatorEntry, full_name
from school_app.alerts import words as alert_words
from school_app.alerts.models import Alert, AlertDecision, SchoolThresholds
from school_app.attendance.models import AttendanceCode
from school_app.attendance.rows import Tables, read_lasting_by_id
from school_app.audit import words as audit_words
from school_app.audit.retention.models import LegalHold, RetentionRule
from school_app.behaviour.models import Incident
from school_app.cases.models import Case, CaseEvent, CaseStep
from school_app.core import words
from school_app.core.db import Base
from school_app.core.lasting import lasting
from school_app.history.fields import SESSIONS
from school_app.marks.models import Assessment, AssessmentResult
from school_app.schools.models import (
    CalendarDay,
    Form,
    FormMaster,
    HeadOfYear,
    School,
    SchoolYear,
    Subject,
    TeachingGroup,
    TeachingGroupTeacher,
    Term,
    YearGroup,
)
from school_app.students.models import (
    Enrolment,
    Guardian,
    Note,
    Student,
    StudentGuardian,
    TeachingGroupMember,
)

AnySession = Session | scoped_session[Any]
Thing = tuple[str, int]
SHORT = 60


@dataclass(frozen=True, slots=True)
class Naming:
    """How things of one kind are named: the columns behind the id, from where, and what they say together.

    `whole` says that the name says itself what kind of thing it is: "register of 9B, 20 November 2026". Of things that
    `closes` with a school year, the statement is asked for of each place in which they lie.
    """

    statement: Callable[..., Any]
    said: Callable[..., str]
    whole: bool = True
    closes: bool = False


@dataclass(frozen=True, slots=True)
class Names:
    """The names that were found, and the time zone in which the school tells the time."""

    found: Mapping[Thing, str]
    zone: ZoneInfo

    def of(self, kind: str, id_: int) -> str:
        """The name of a thing, or its kind and number where it has none any more."""
        return self.found.get((kind, id_)) or f"{audit_words.thing(kind)} no. {id_}"

    def with_kind(self, kind: str, id_: int) -> str:
        """The name of a thing, and what kind of thing it is: "form 9B"."""
        name = self.found.get((kind, id_))
        if name is None or NAMINGS[kind].whole:
            return self.of(kind, id_)
        return f"{audit_words.thing(kind)} {name}"


def names_of(session: AnySession, things: Iterable[Thing], timezone: str) -> Names:
    """The names of some things, given as kind and id: one statement for each kind among them."""
    zone, found = ZoneInfo(timezone), {}
    ids: dict[str, set[int]] = {}
    for kind, id_ in things:
        ids.setdefault(kind, set()).add(id_)
    for kind in sorted(ids.keys() & NAMINGS.keys()):
        for id_, name in _named(session, NAMINGS[kind], ids[kind], zone):
            found[(kind, id_)] = name
    return Names(found, zone)


def _named(session: AnySession, naming: Naming, ids: set[int], zone: ZoneInfo) -> Iterable[tuple[int, str]]:
    wanted = sorted(ids)
    rows: Iterable[Any]
    if naming.closes:
        rows = read_lasting_by_id(session, _by_ids(naming), wanted)
    else:
        rows = session.execute(_lasting(naming), {"ids": wanted})
    for id_, *parts in rows:
        yield id_, naming.said(*[_at(part, zone) for part in parts])


@cache
def _by_ids(naming: Naming) -> Callable[..., Any]:
    """What makes a naming's statement, for the ids that it takes as a parameter."""

    def of(*tables: Tables) -> Any:
        statement = naming.statement(*tables)
        return statement.where(statement.selected_columns[0].in_(bindparam("ids", expanding=True)))

    return of


@cache
def _lasting(naming: Naming) -> Any:
    return lasting(_by_ids(naming)())


def _at(part: Any, zone: ZoneInfo) -> Any:
    """A moment as its day at the school."""
    return part.astimezone(zone).date() if isinstance(part, datetime) else part


def _rule(rule: str) -> str:
    return alert_words.RULES.get(rule, rule).lower()


def _short(text: str) -> str:
    return text if len(text) <= SHORT else f"{text[: SHORT - 1].rstrip()}…"


def _plain(column: Any, model: Any) -> Naming:
    return Naming(lambda: select(model.id, column), lambda name: str(name), whole=False)


def _person(model: Any) -> Naming:
    return Naming(lambda: select(model.id, model.given_name, model.family_name), full_name, whole=False)


def _of_student(model: Any, *columns: Any) -> Any:
    """The columns of rows that belong to a student, behind both names of the student."""
    names = (Student.given_name, Student.family_name)
    return select(model.id, *names, *columns).join(Student, Student.id == model.student_id)


def _register(form: str | None, group: str | None, on: date, part: str) -> str:
    return f"register of {form or group}, {words.full_day(on)}{SESSIONS[part]}"


def _registers(tables: Tables) -> Any:
    register = tables.register
    return (
        select(register.id, Form.name, TeachingGroup.name, register.date, register.session)
        .join(Form, Form.id == register.form_id, isouter=True)
        .join(TeachingGroup, TeachingGroup.id == register.teaching_group_id, isouter=True)
    )


def _of_case(model: Any, *columns: Any) -> Any:
    case, student = aliased(Case), aliased(Student)
    return (
        select(model.id, student.given_name, student.family_name, *columns)
        .join(case, case.id == model.case_id)
        .join(student, student.id == case.student_id)
    )


def _of_account(model: Any, thing: Any, key: Any) -> Any:
    """A duty: both names of who holds it, and what it is about."""
    return (
        select(model.id, Account.given_name, Account.family_name, thing.name)
        .join(Account, Account.id == model.account_id)
        .join(thing, thing.id == key)
    )


def _duty(words_of_it: str) -> Callable[[str, str, str], str]:
    return lambda given, family, name: f"{full_name(given, family)} {words_of_it} {name}"


NAMINGS: dict[str, Naming] = {
    "account": _person(Account),
    "account_role": Naming(
        lambda: select(AccountRole.id, Account.given_name, Account.family_name, AccountRole.role).join(
            Account, Account.id == AccountRole.account_id
        ),
        lambda given, family, role: f"role of {full_name(given, family)}: {ROLE_WORDS[role].lower()}",
    ),
    "alert": Naming(
        lambda: _of_student(Alert, Alert.rule),
        lambda given, family, rule: f"alert on {full_name(given, family)}: {_rule(rule)}",
    ),
    "alert_decision": Naming(
        lambda: (
            select(AlertDecision.id, Student.given_name, Student.family_name, Alert.rule)
            .join(Alert, Alert.id == AlertDecision.alert_id)
            .join(Student, Student.id == Alert.student_id)
        ),
        lambda given, family, rule: f"answer to the alert on {full_name(given, family)}: {_rule(rule)}",
    ),
    "assessment": _plain(Assessment.title, Assessment),
    "assessment_result": Naming(
        lambda: _of_student(AssessmentResult, Assessment.title).join(
            Assessment, Assessment.id == AssessmentResult.assessment_id
        ),
        lambda given, family, title: f"result of {full_name(given, family)} in {title}",
    ),
    "attendance_code": _plain(AttendanceCode.name, AttendanceCode),
    "attendance_mark": Naming(
        lambda tables: _of_student(tables.mark, tables.mark.date),
        lambda given, family, on: f"attendance mark of {full_name(given, family)}, {words.full_day(on)}",
        closes=True,
    ),
    "calendar_day": Naming(lambda: select(CalendarDay.id, CalendarDay.date), words.full_day, whole=False),
    "case_event": Naming(
        lambda: _of_case(CaseEvent),
        lambda given, family: f"entry in the case of {full_name(given, family)}",
    ),
    "case_step": Naming(
        lambda: _of_case(CaseStep, CaseStep.title),
        lambda given, family, title: f"step of the case of {full_name(given, family)}: {_short(title)}",
    ),
    "enrolment": Naming(
        lambda: _of_student(Enrolment, Form.name).join(Form, Form.id == Enrolment.form_id),
        lambda given, family, form: f"place of {full_name(given, family)} in {form}",
    ),
    "form": _plain(Form.name, Form),
    "form_master": Naming(lambda: _of_account(FormMaster, Form, FormMaster.form_id), _duty("as form master of")),
    "guardian": _person(Guardian),
    "head_of_year": Naming(lambda: _of_account(HeadOfYear, YearGroup, HeadOfYear.year_group_id), _duty("as head of")),
    "incident": Naming(
        lambda: select(Incident.id, Incident.occurred_on, Incident.category),
        lambda on, category: f"incident of {words.full_day(on)}: {_short(category)}",
    ),
    "intervention_case": Naming(
        lambda: _of_student(Case, Case.goal),
        lambda given, family, goal: f"case of {full_name(given, family)}: {_short(goal)}",
    ),
    "legal_hold": Naming(
        lambda: select(LegalHold.id, LegalHold.set_at), lambda on: f"legal hold of {words.full_day(on)}"
    ),
    "note": Naming(
        lambda: _of_student(Note, Note.created_at),
        lambda given, family, on: f"note on {full_name(given, family)} of {words.full_day(on)}",
    ),
    "operator_entry": Naming(
        lambda: select(OperatorEntry.id, OperatorEntry.operator_name, OperatorEntry.entered_at),
        lambda name, on: f"visit of {name}, {words.full_day(on)}",
    ),
    "register": Naming(_registers, _register, closes=True),
    "retention_rule": Naming(
        lambda: select(RetentionRule.id, RetentionRule.data_class), lambda of: f"rule of retention: {of.words}"
    ),
    "school": _plain(School.name, School),
    "school_thresholds": Naming(lambda: select(SchoolThresholds.id), lambda: "thresholds of the school"),
    "school_year": _plain(SchoolYear.name, SchoolYear),
    "student": _person(Student),
    "student_guardian": Naming(
        lambda: _of_student(StudentGuardian, Guardian.given_name, Guardian.family_name).join(
            Guardian, Guardian.id == StudentGuardian.guardian_id
        ),
        lambda given, family, *guardian: f"{full_name(*guardian)} as guardian of {full_name(given, family)}",
    ),
    "subject": _plain(Subject.name, Subject),
    "teaching_group": _plain(TeachingGroup.name, TeachingGroup),
    "teaching_group_member": Naming(
        lambda: _of_student(TeachingGroupMember, TeachingGroup.name).join(
            TeachingGroup, TeachingGroup.id == TeachingGroupMember.teaching_group_id
        ),
        lambda given, family, group: f"place of {full_name(given, family)} in {group}",
    ),
    "teaching_group_teacher": Naming(
        lambda: _of_account(TeachingGroupTeacher, TeachingGroup, TeachingGroupTeacher.teaching_group_id),
        _duty("as teacher of"),
    ),
    "term": _plain(Term.name, Term),
    "year_group": _plain(YearGroup.name, YearGroup),
}


def kinds() -> Sequence[tuple[str, str]]:
    """Every kind of thing that the history speaks of and its word, by word."""
    return sorted(((kind, audit_words.thing(kind)) for kind in NAMINGS), key=lambda one: one[1])


def is_kind(kind: str) -> bool:
    """Whether rows that are written today may be about such a thing."""
    return kind in NAMINGS or kind in Base.metadata.tables
