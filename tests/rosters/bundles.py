"""OneRoster bundles made of Python data, for tests: a small school, to be changed by each test."""

from __future__ import annotations

import csv
import io
import zipfile
from pathlib import Path
from typing import Any

from school_app.rosters.layouts import LAYOUTS

Rows = dict[str, list[dict[str, Any]]]


def school(version: str = "1.1") -> Rows:
    """One school with a homeroom, a class, a teacher, two students, a parent and two results."""
    rows: Rows = {
        "academicSessions.csv": [
            _session("SY", "2025-2026", "schoolYear", "2025-09-01", "2026-07-10"),
            _session("T1", "Autumn", "term", "2025-09-01", "2025-12-19", parent="SY"),
        ],
        "orgs.csv": [
            {"sourcedId": "D", "name": "District", "type": "district"},
            {"sourcedId": "S1", "name": "Hill School", "type": "school", "parentSourcedId": "D"},
        ],
        "courses.csv": [
            {"sourcedId": "C-M", "title": "Mathematics 9", "orgSourcedId": "S1", "subjects": "Mathematics"}
        ],
        "classes.csv": [
            _class("H-9A", "9A", "homeroom", "S1", grades="09"),
            _class("M-9", "Maths 9", "scheduled", "S1", course="C-M"),
        ],
        "users.csv": [
            _user("t1", "Tess", "Teacher", "teacher"),
            _user("s1", "Ann", "Able", "student", grades="09", agentSourcedIds="p1"),
            _user("s2", "Ben", "Baker", "student", grades="09"),
            _user("p1", "Pat", "Able", "parent", phone="555 1"),
        ],
        "enrollments.csv": [
            _place("e1", "H-9A", "t1", "teacher", primary="true"),
            _place("e2", "H-9A", "s1", "student"),
            _place("e3", "H-9A", "s2", "student"),
            _place("e4", "M-9", "t1", "teacher", primary="true"),
            _place("e5", "M-9", "s1", "student"),
        ],
        "demographics.csv": [{"sourcedId": "s1", "birthDate": "2011-05-17", "sex": "female"}],
        "categories.csv": [{"sourcedId": "K", "title": "Test"}],
        "lineItems.csv": [_line_item()],
        "results.csv": [_result()],
    }
    if version == "1.2":
        rows["roles.csv"] = [_role_taken_from(user) for user in rows["users.csv"]]
    return rows


def _line_item() -> dict[str, Any]:
    return {
        "sourcedId": "L1",
        "title": "Test 1",
        "dueDate": "2025-10-01",
        "classSourcedId": "M-9",
        "categorySourcedId": "K",
        "gradingPeriodSourcedId": "T1",
        "resultValueMin": "0",
        "resultValueMax": "100",
    }


def _result() -> dict[str, Any]:
    return {
        "sourcedId": "R1",
        "lineItemSourcedId": "L1",
        "studentSourcedId": "s1",
        "scoreStatus": "fully graded",
        "score": "103",
        "scoreDate": "2025-10-01",
    }


def _role_taken_from(user: dict[str, Any]) -> dict[str, Any]:
    """A person's role as version 1.2 says it, in a row of its own; the person's own says it no more."""
    return {
        "sourcedId": f"role-{user['sourcedId']}",
        "userSourcedId": user["sourcedId"],
        "roleType": "primary",
        "role": user.pop("role"),
        "orgSourcedId": user.pop("orgSourcedIds"),
    }


def _session(sourced_id: str, title: str, kind: str, first: str, last: str, parent: str = "") -> dict[str, Any]:
    return {
        "sourcedId": sourced_id,
        "title": title,
        "type": kind,
        "startDate": first,
        "endDate": last,
        "parentSourcedId": parent,
        "schoolYear": "2026",
    }


def _class(sourced_id: str, title: str, kind: str, org: str, *, grades: str = "", course: str = "") -> dict[str, Any]:
    return {
        "sourcedId": sourced_id,
        "title": title,
        "classType": kind,
        "schoolSourcedId": org,
        "termSourcedIds": "T1",
        "grades": grades,
        "courseSourcedId": course,
    }


def _user(sourced_id: str, given: str, family: str, role: str, **more: str) -> dict[str, Any]:
    return {
        "sourcedId": sourced_id,
        "enabledUser": "true",
        "username": given.lower(),
        "givenName": given,
        "familyName": family,
        "orgSourcedIds": "S1",
        "role": role,
        **more,
    }


def _place(sourced_id: str, class_id: str, user: str, role: str, *, primary: str = "false") -> dict[str, Any]:
    return {
        "sourcedId": sourced_id,
        "classSourcedId": class_id,
        "schoolSourcedId": "S1",
        "userSourcedId": user,
        "role": role,
        "primary": primary,
        "beginDate": "2025-09-01",
    }


def write(path: Path, rows: Rows, version: str = "1.1", **manifest: str) -> Path:
    """Write a bundle; `manifest` overrides its properties, with dots as two underscores."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        said = {"oneroster.version": version, **{name.replace("__", "."): value for name, value in manifest.items()}}
        properties = [{"propertyName": name, "value": value} for name, value in said.items()]
        archive.writestr("manifest.csv", _csv(["propertyName", "value"], properties))
        for name, each in rows.items():
            archive.writestr(name, _csv([*LAYOUTS[version][name].required, *LAYOUTS[version][name].optional], each))
    return path


def _csv(headers: list[str], rows: list[dict[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, headers, restval="", lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
