"""Every address that writes, each with values that are taken, and whose first page shows what it has written.

test_writes.py carries them out. A key is an endpoint, with a word behind it where one endpoint does several things.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from school_app.alerts.facts import AttendanceCategory
from tests.alerts.test_thresholds_page import entered
from tests.days import TODAY
from tests.factories import PASSWORD, World
from tests.fragments import beginnings
from tests.visits import NEW

Values = Callable[[World], dict[str, Any]]
Before = Callable[[Any, World], object]
ON = TODAY.isoformat()
LAW = "Records Act 2020, section 7"
# Whose first pages count what waits in the form: who watches over its year or the school, and its master as well.
WATCH = "head admin operator"
MASTER = f"form_master {WATCH}"


@dataclass(frozen=True, slots=True)
class Write:
    """Who writes, what they post, and whose first page is another one afterwards, or why nobody's is.

    `at` are arguments of the address that are not those of test_routes; `takes` are hidden fields of the page there.
    """

    who: str
    data: Values = lambda world: {}
    seen_by: str = ""
    unseen: str = ""
    at: Values = lambda world: {}
    takes: tuple[str, ...] = ()
    before: Before = lambda session, world: None


def person(given: str, family: str, login: str = "") -> dict[str, Any]:
    """The fields of an account."""
    named = {"given_name": given, "family_name": family, "email": "someone@example.org"}
    return {**named, "login": login, "roles": "teacher"} if login else named


def register(world: World, *students: int) -> dict[str, Any]:
    """A register in which the first student is absent."""
    absent = world.codes[AttendanceCategory.ABSENT_UNEXCUSED].code
    return {f"code-{world.students[one].id}": "present" if one else absent for one in students}


def acts(action: str, **data: Any) -> Values:
    """One thing that is done in a case."""
    return lambda world: {"action": action, **data}


PLAN = {"goal": "He comes.", "strategy": "We call.", "tier": "3", "monitoring": "weekly"}
REPORT = {"kind": "concern", "occurred_on": ON, "category": "Chair", "severity": "4", "description": "Threw it."}
SCHOOL = {"name": "Hill", "timezone": "Europe/Paris", "register_closes": "08:45", "session_scheme": "day"}
STEP = {"title": "Ring again", "due_on": ON}
LATER = {"until": (TODAY + timedelta(30)).isoformat(), "note": "More time."}
NEW_PASSWORD = {"new": NEW, "again": NEW}
ACCOUNTS: dict[str, Write] = {
    "accounts.change roles": Write(
        "admin",
        lambda world: {"roles": ["teacher", "head_of_year"]},
        "teacher",
        at=lambda world: {"account_id": world.teacher.id, "what": "roles"},
    ),
    "accounts.change disable": Write("admin", seen_by=MASTER),
    "accounts.change enable": Write(
        "admin",
        seen_by=WATCH,
        at=lambda world: {"account_id": world.things["gone"].id, "what": "enable"},
        before=beginnings.gone,
    ),
    "accounts.change link": Write("admin", unseen="a mail is sent", at=lambda world: {"what": "link"}),
    "accounts.change_person": Write("admin", lambda world: person("Changed", "Name"), MASTER),
    "accounts.create": Write(
        "admin", lambda world: person("Nora", "New", "nora"), unseen="somebody new carries nothing and has no duty yet"
    ),
    "accounts.enter_school": Write(
        "operator", lambda world: {"reason": "A form master cannot see the form."}, "operator"
    ),
    "accounts.forgot": Write("nobody", lambda world: {"name": world.head.login}, unseen="a mail is sent"),
    "accounts.leave_school": Write("operator inside", seen_by="operator"),
    "accounts.login": Write(
        "nobody", lambda world: {"name": world.head.login, "password": PASSWORD}, unseen="it begins a session"
    ),
    "accounts.logout": Write("head", unseen="it ends one session"),
    "accounts.logout_everywhere": Write("head", seen_by="head"),
    "accounts.password": Write("head", lambda world: {"old": PASSWORD, **NEW_PASSWORD}, "head"),
    "accounts.set_password": Write("nobody", lambda world: NEW_PASSWORD, "teacher", before=beginnings.link),
}
CARE: dict[str, Write] = {
    "alerts.decide not a concern": Write(
        "form_master", lambda world: {"kind": "not_a_concern", "reason": "A game."}, MASTER
    ),
    "alerts.decide open case": Write("form_master", lambda world: {"kind": "open_case", **PLAN}, MASTER),
    "alerts.hand_on": Write(
        "form_master",
        lambda world: {"to": world.things["both"].id, "why": "She knows them."},
        f"{MASTER} master_and_head",
    ),
    "alerts.set_thresholds": Write(
        "admin", lambda world: {"do": "save", "version": "0", **entered(minimum_days="1")}, "form_master"
    ),
    "behaviour.add": Write("teacher", lambda world: REPORT, "form_master"),
    "behaviour.add good news": Write(
        "teacher",
        lambda world: {**REPORT, "kind": "positive", "category": "Helped"},
        "form_master",
        before=beginnings.judged,
    ),
    "behaviour.correct": Write("teacher", lambda world: REPORT, MASTER),
    "behaviour.withdraw": Write("teacher", lambda world: {"reason": "It was another."}, MASTER),
    "cases.act step": Write("form_master", acts("step", **STEP), unseen="the step that is due first is another one"),
    "cases.act done": Write(
        "form_master", lambda world: {"action": "done", "step_id": world.things["step"].id}, "form_master"
    ),
    "cases.act note": Write("head", acts("note", note="He came."), "form_master"),
    "cases.act extend": Write("form_master", acts("extend", **LATER), "form_master", before=beginnings.step_done),
    "cases.act escalate": Write("form_master", acts("escalate", note="Nobody answers."), MASTER),
    "cases.act review": Write("form_master", acts("review"), unseen="no first page says that a case is in review"),
    "cases.act confirm": Write("form_master", acts("confirm"), unseen="no first page says that a case is confirmed"),
    "cases.close": Write("form_master", lambda world: {"outcome": "worse", "outcome_note": "Away."}, MASTER),
    "cases.hand_over": Write(
        "form_master",
        lambda world: {"to": world.things["both"].id, "reason": "She knows them."},
        f"{MASTER} master_and_head",
    ),
    "cases.new": Write("form_master", lambda world: PLAN, MASTER),
    "students.add_note": Write("head", lambda world: {"body": "He came.", "kind": "general"}, "form_master"),
    "students.log_contact": Write("form_master", lambda world: {"outcome": "spoke", "text": "Ill."}, "form_master"),
    "students.own_note": Write("form_master", lambda world: {"reason": "On the wrong child."}, "form_master"),
}
LESSONS: dict[str, Write] = {
    "attendance.add_code": Write(
        "admin",
        lambda world: {"code": "D", "name": "Dentist", "category": "absent_excused"},
        unseen="no mark has the code yet",
    ),
    "attendance.change_code": Write(
        "admin",
        lambda world: {"name": "Changed", "ordinal": "7", "is_active": "yes"},
        "form_master",
        at=lambda world: {"code_id": world.codes[AttendanceCategory.ABSENT_EXCUSED].id},
        before=beginnings.excused,
    ),
    "attendance.save": Write(
        "form_master", lambda world: register(world, 0, 1, 2), MASTER, takes=("seen",), before=beginnings.counted
    ),
    "attendance.save_class": Write(
        "teacher", lambda world: register(world, 0), unseen="it enters no rate", takes=("seen",)
    ),
    "attendance.take_back": Write(
        "form_master",
        lambda world: {"reason": "Wrong form"},
        MASTER,
        at=lambda world: {"on": (TODAY - timedelta(1)).isoformat()},
    ),
    "attendance.take_class_back": Write(
        "teacher", lambda world: {"reason": "Wrong class"}, unseen="it enters no rate", before=beginnings.class_register
    ),
    "marks.add": Write(
        "teacher", lambda world: {"title": "Sums", "due_on": ON, "maximum": "9"}, unseen="it has no result yet"
    ),
    "marks.change": Write("teacher", lambda world: {"title": "Sums", "due_on": ON, "maximum": "400"}, MASTER),
    "marks.enter": Write(
        "teacher",
        lambda world: {f"score-{world.student.id}": "1", f"was-{world.student.id}": "40"},
        MASTER,
    ),
    "marks.remove": Write("teacher", unseen="it had no result", before=beginnings.without_results),
}
SCHOOLS: dict[str, Write] = {
    "audit.ask_for_export": Write("auditor", lambda world: {"format": "csv"}, unseen="it is the auditor's own"),
    "audit.release_hold": Write(
        "admin", lambda world: {"reason": "The case is closed"}, unseen="of the log alone", before=beginnings.hold
    ),
    "audit.set_hold": Write("admin", lambda world: {"reason": "A court has asked"}, unseen="of the log alone"),
    "audit.set_platform_retention": Write(
        "operator",
        lambda world: {"data_class": "platform_log", "years": "7", "source": LAW},
        unseen="of the log alone",
    ),
    "audit.set_retention": Write(
        "admin",
        lambda world: {"data_class": "school_log", "years": "12", "source": LAW},
        unseen="of the log alone",
    ),
    "operations.set_roster_id": Write(
        "operator", lambda world: {"sourced_id": "77"}, unseen="by it files name the school"
    ),
    "rosters.decide confirm": Write("admin", unseen="a job brings the file in", before=beginnings.tried),
    "rosters.decide drop": Write(
        "admin", unseen="nothing was brought in", at=lambda world: {"answer": "drop"}, before=beginnings.tried
    ),
    "rosters.upload": Write(
        "admin",
        lambda world: {"kind": "calendar", "file": (io.BytesIO(b"x"), "calendar.csv")},
        unseen="a job tries the file",
    ),
    "schools.appoint_head": Write(
        "admin",
        lambda world: {"year_group": world.things["year_group"].id, "account": world.teacher.id, "from": ON},
        "teacher head",
    ),
    "schools.appoint_master": Write(
        "admin", lambda world: {"account": world.teacher.id, "from": ON}, f"teacher {MASTER}"
    ),
    "schools.change_school": Write("admin", lambda world: SCHOOL, f"{MASTER} other_master master_and_head teacher"),
    "schools.set_core": Write("admin", unseen="the next evaluation goes by it"),
    "schools.set_day": Write(
        "admin",
        lambda world: {"date": ON, "kind": "holiday", "note": "May Day"},
        f"{MASTER} other_master master_and_head",
    ),
    "years.close": Write(
        "admin",
        lambda world: {"confirm": "yes"},
        unseen="it is over",
        at=lambda world: {"year_id": world.things["past"].year_id},
        before=beginnings.past,
    ),
    "years.reopen": Write(
        "admin",
        lambda world: {"reason": "A register was wrong"},
        unseen="it is over",
        at=lambda world: {"year_id": world.things["past"].year_id},
        before=beginnings.closed,
    ),
}
WRITES: dict[str, Write] = {**ACCOUNTS, **CARE, **LESSONS, **SCHOOLS}
