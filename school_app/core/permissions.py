"""Who may do what: roles, permissions, the table between them, and the hook that denies what nothing allows.

Routes declare with @requires, @signed_in or @public; the app refuses to start while an endpoint declares nothing.
"""

from __future__ import annotations

import enum
import hmac
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import structlog
from flask import Flask, Response, current_app, redirect, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response as AnyResponse

from school_app.core import costs
from school_app.core.acting import By
from school_app.core.db import db
from school_app.core.errors import Forbidden
from school_app.core.static_files import is_static
from school_app.core.tenancy import enter_school

View = TypeVar("View", bound=Callable[..., Any])


class Role(enum.StrEnum):
    """What a person is at a school, or on the platform."""

    FORM_MASTER = "form_master"
    TEACHER = "teacher"
    HEAD_OF_YEAR = "head_of_year"
    SCHOOL_ADMIN = "school_admin"
    AUDITOR = "auditor"
    OPERATOR = "operator"


class Permission(enum.StrEnum):
    """One right. A platform right needs no school; every other is used inside the person's own school."""

    HOME_VIEW = "home.view"
    STUDENT_VIEW = "student.view"
    STUDENT_LOOKS = "student.looks"
    REGISTER_TAKE = "register.take"
    NOTE_WRITE = "note.write"
    NOTE_READ_RESTRICTED = "note.read_restricted"
    MARK_ENTER = "mark.enter"
    INCIDENT_RECORD = "incident.record"
    ALERT_VIEW = "alert.view"
    ALERT_DECIDE = "alert.decide"
    CASE_VIEW = "case.view"
    CASE_WORK = "case.work"
    ACCOUNTS_MANAGE = "accounts.manage"
    FORMS_MANAGE = "forms.manage"
    IMPORT_RUN = "import.run"
    THRESHOLDS_SET = "thresholds.set"
    CALENDAR_SET = "calendar.set"
    SCHOOL_FIGURES = "school.figures"
    AUDIT_VIEW = "audit.view"
    RETENTION_SET = "retention.set"
    PLATFORM_SCHOOLS = "platform.schools"
    PLATFORM_JOBS = "platform.jobs"
    PLATFORM_METRICS = "platform.metrics"
    PLATFORM_RETENTION = "platform.retention"

    @property
    def platform(self) -> bool:
        return self.value.startswith("platform.")


_P = Permission
_CLASSROOM = {_P.HOME_VIEW, _P.STUDENT_VIEW, _P.REGISTER_TAKE, _P.MARK_ENTER, _P.INCIDENT_RECORD}
_PASTORAL = _CLASSROOM | {
    _P.NOTE_WRITE,
    _P.NOTE_READ_RESTRICTED,
    _P.ALERT_VIEW,
    _P.ALERT_DECIDE,
    _P.CASE_VIEW,
    _P.CASE_WORK,
}
_ADMIN = {
    _P.HOME_VIEW,
    _P.STUDENT_VIEW,
    _P.NOTE_READ_RESTRICTED,
    _P.ALERT_VIEW,
    _P.CASE_VIEW,
    _P.ACCOUNTS_MANAGE,
    _P.FORMS_MANAGE,
    _P.IMPORT_RUN,
    _P.THRESHOLDS_SET,
    _P.CALENDAR_SET,
    _P.SCHOOL_FIGURES,
}
ROLE_PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.FORM_MASTER: frozenset(_PASTORAL),
    Role.TEACHER: frozenset(_CLASSROOM),
    Role.HEAD_OF_YEAR: frozenset(_PASTORAL),
    Role.SCHOOL_ADMIN: frozenset(
        _ADMIN | {_P.NOTE_WRITE, _P.ALERT_DECIDE, _P.CASE_WORK, _P.STUDENT_LOOKS, _P.RETENTION_SET}
    ),
    Role.AUDITOR: frozenset({_P.AUDIT_VIEW}),
    Role.OPERATOR: frozenset({_P.PLATFORM_SCHOOLS, _P.PLATFORM_RETENTION, _P.PLATFORM_JOBS, _P.PLATFORM_METRICS}),
}
# An operator who entered a school sees and sets up, but signs nothing that belongs to the school's own staff.
# An account that they could make or send a link to would be a way around that.
OPERATOR_INSIDE = frozenset(_ADMIN - {_P.NOTE_READ_RESTRICTED, _P.ACCOUNTS_MANAGE})


def permissions_of(roles: Iterable[Role]) -> frozenset[Permission]:
    """The union of the permissions of some roles."""
    return frozenset().union(*(ROLE_PERMISSIONS[role] for role in roles))


@dataclass(frozen=True, slots=True)
class Viewer:
    """The person behind a request, as flask-login's current_user.

    `school_id` is the school the person works in: their own, or the one an operator entered; None on the platform.
    """

    account_id: int
    name: str
    login: str
    school_id: int | None
    roles: frozenset[Role]
    permissions: frozenset[Permission]
    session_key: str
    entered_as_operator: bool = False
    is_authenticated: bool = field(default=True, init=False)
    is_active: bool = field(default=True, init=False)
    is_anonymous: bool = field(default=False, init=False)

    def get_id(self) -> str:
        """What flask-login keeps in the session: the account and its session key, which revocation changes."""
        return self.session_key

    def may(self, permission: Permission) -> bool:
        return permission in self.permissions

    @property
    def by(self) -> By:
        """Who this is, as services are told."""
        return By(self.account_id, self.name)


PUBLIC = "public"
SIGNED_IN = "signed in"
METRICS_TOKEN = "the metrics token"  # noqa: S105 - the name of a way in, not what opens it.
Declaration = Permission | str


def requires(*any_of: Permission | str) -> Callable[[View], View]:
    """Declare that a view needs one of these permissions, or the token of whoever reads the metrics."""

    def declare(view: View) -> View:
        view.__declared__ = frozenset(any_of)  # type: ignore[attr-defined]
        return view

    return declare


def public(view: View) -> View:
    """Declare that anybody may use a view."""
    view.__declared__ = frozenset({PUBLIC})  # type: ignore[attr-defined]
    return view


def signed_in(view: View) -> View:
    """Declare that any person who is logged in may use a view, as for their own password."""
    view.__declared__ = frozenset({SIGNED_IN})  # type: ignore[attr-defined]
    return view


def declared(app: Flask, endpoint: str) -> frozenset[Declaration] | None:
    """What an endpoint declares; None where it forgot to. Flask's own static files are public."""
    if is_static(endpoint):
        return frozenset({PUBLIC})
    found: frozenset[Declaration] | None = getattr(app.view_functions[endpoint], "__declared__", None)
    return found


class UndeclaredEndpoint(RuntimeError):
    """A view declares no permission; the app does not start with it."""


def refuse_undeclared(app: Flask) -> None:
    """Raise UndeclaredEndpoint where a view of the app declares no permission."""
    forgotten = sorted({rule.endpoint for rule in app.url_map.iter_rules() if not declared(app, rule.endpoint)})
    if forgotten:
        raise UndeclaredEndpoint(
            f"These views declare no permission: {', '.join(forgotten)}. Add @requires, @signed_in or @public."
        )


def guard() -> AnyResponse | None:
    """Before every request: set the person's school, and deny what is not allowed."""
    if request.endpoint is None:
        _enter()
        return None
    needs = declared(current_app, request.endpoint)
    if needs is None:
        raise Forbidden
    if is_static(request.endpoint):
        return None
    _enter()
    if PUBLIC in needs or (METRICS_TOKEN in needs and _bears_token()):
        return None
    if not current_user.is_authenticated:
        return _to_login()
    if SIGNED_IN not in needs and not needs & current_user.permissions:
        raise Forbidden
    return None


def _bears_token() -> bool:
    """Whether the request carries the metrics token, as "Authorization: Bearer …". Raises Forbidden for a wrong one."""
    given = request.authorization
    if given is None or given.type != "bearer":
        return False
    token: str | None = current_app.config["FORMROOM"].metrics_token
    if token is None or not hmac.compare_digest((given.token or "").encode(), token.encode()):
        raise Forbidden
    return True


def _enter() -> None:
    if current_user.is_authenticated:
        enter_school(db.session, current_user.school_id)
        structlog.contextvars.bind_contextvars(school_id=current_user.school_id)
        if current_user.may(Permission.PLATFORM_METRICS):
            costs.tell_viewer()


def _to_login() -> AnyResponse:
    if request.method != "GET":
        return redirect(url_for("accounts.login"), code=303)
    onward = request.full_path if request.query_string else request.path
    return redirect(url_for("accounts.login", next=onward), code=303)


def viewer() -> Viewer:
    """The person behind this request; only for views that need a log-in."""
    person = current_user._get_current_object()
    if not isinstance(person, Viewer):
        raise Forbidden
    return person


def no_store(response: Response) -> Response:
    """Pages are a person's own: no cache on the way, nor the browser's, may keep them, their errors or their files.

    Static files say themselves how long they may be kept; where there is none, the answer is a page.
    """
    if not is_static(request.endpoint) or response.status_code >= 400:
        response.headers["Cache-Control"] = "no-store, private"
    return response
