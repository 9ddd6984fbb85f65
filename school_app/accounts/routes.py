"""The pages on which a person logs in and out and changes the password.

school_app.features registers the blueprint; the pages of admins and operators are in accounts.staff_routes.
"""

from __future__ import annotations

from typing import cast
from urllib.parse import urlsplit

from flask import Blueprint, current_app, flash, redirect, render_template, request, session, url_for
from flask_limiter.util import get_remote_address
from flask_login import current_user
from werkzeug.wrappers import Response

from school_app.accounts import service, staff
from school_app.accounts.forms import ChangePasswordForm, ForgotForm, LoginForm, NewPasswordForm
from school_app.accounts.passwords import BadPassword
from school_app.audit.events import Event
from school_app.audit.service import record
from school_app.core import costs
from school_app.core.db import db
from school_app.core.metrics import FAILED_LOG_IN
from school_app.core.permissions import public, signed_in, viewer
from school_app.core.sessions import PERSON, ServerSession
from school_app.core.throttle import limiter

blueprint = Blueprint("accounts", __name__)
# An address may be a whole school's, a login is one person's.
PER_ADDRESS = "60 per minute"
PER_LOGIN = "10 per 10 minutes"
# Wherever they come from; above what one address may do, so that one stranger cannot lock a person out.
PER_LOGIN_ANYWHERE = "200 per hour"
LOGGED_IN = 303


def _login_named() -> str:
    return request.form.get("name", "").strip().casefold()[:191]


def _login_from() -> str:
    return f"{get_remote_address()} {_login_named()}"


def _failed(response: Response) -> bool:
    return response.status_code != LOGGED_IN


@blueprint.route("/login", methods=["GET", "POST"])
@public
@limiter.limit(PER_ADDRESS, methods=["POST"])
@limiter.limit(PER_LOGIN, methods=["POST"], key_func=_login_from, deduct_when=_failed)
@limiter.limit(PER_LOGIN_ANYWHERE, methods=["POST"], key_func=_login_named, deduct_when=_failed)
def login() -> str | Response | tuple[str, int]:
    """Log in, and go on to where the person wanted to."""
    onward = safe_path(request.args.get("next", ""))
    if current_user.is_authenticated and request.method == "GET":
        return redirect(onward or url_for("dashboards.home"), code=303)
    form = LoginForm()
    if form.validate_on_submit():
        found = service.log_in(db.session, form.name.data, form.password.data)
        db.session.commit()
        if found is not None:
            _begin_session(str(found.key))
            return redirect(onward or url_for("dashboards.home"), code=LOGGED_IN)
        costs.note(FAILED_LOG_IN)
        form.form_errors.append(service.WRONG)
    return render_template("accounts/login.html", form=form), 200 if request.method == "GET" else 400


def _begin_session(key: str) -> None:
    # What an earlier visitor of this browser left behind is gone, and the cookie is a new one.
    own = cast(ServerSession, session)
    own.clear()
    own.renew()
    own[PERSON] = key


def safe_path(target: str) -> str | None:
    """A path of this site to go on to; None where the text names another site or is no plain path."""
    if not target.startswith("/") or target.startswith("//") or "\\" in target:
        return None
    if any(ord(character) < 33 for character in target):
        return None
    parts = urlsplit(target)
    return target if not parts.scheme and not parts.netloc else None


@blueprint.post("/logout")
@signed_in
def logout() -> Response:
    """Log out here; an operator leaves the school as well."""
    _leave_school()
    record(db.session, Event.LOGGED_OUT)
    db.session.commit()
    session.clear()
    return redirect(url_for("accounts.login"), code=303)


def _leave_school() -> None:
    """An operator's visit ends with the session that it was made in, and the school's history says so."""
    if viewer().entered_as_operator:
        staff.leave(db.session, operator_id=viewer().account_id)


@blueprint.post("/logout/everywhere")
@signed_in
def logout_everywhere() -> Response:
    """Log out on every device."""
    _leave_school()
    service.log_out_everywhere(db.session, viewer().account_id)
    db.session.commit()
    session.clear()
    flash("You are logged out on every device.", "success")
    return redirect(url_for("accounts.login"), code=303)


@blueprint.route("/account/password", methods=["GET", "POST"])
@signed_in
@limiter.limit(PER_LOGIN, methods=["POST"], key_func=lambda: str(current_user.get_id()))
def password() -> str | Response | tuple[str, int]:
    """Change one's own password."""
    form = ChangePasswordForm()
    if form.validate_on_submit():
        try:
            key = service.change_password(db.session, viewer().account_id, old=form.old.data, new=form.new.data)
        except (BadPassword, service.WrongLogin) as error:
            db.session.rollback()
            wrong = isinstance(error, service.WrongLogin)
            form.form_errors.append("Present password: this is not it." if wrong else str(error))
        else:
            _leave_school()
            db.session.commit()
            _begin_session(str(key))
            flash("Your password is changed. Other devices are logged out.", "success")
            return redirect(url_for("dashboards.home"), code=303)
    return render_template("accounts/password.html", form=form), 400 if form.errors else 200


@blueprint.route("/password", methods=["GET", "POST"])
@public
@limiter.limit("10 per minute", methods=["POST"])
def forgot() -> str | Response | tuple[str, int]:
    """Ask for a link that sets a new password."""
    form = ForgotForm()
    if form.validate_on_submit():
        service.ask_for_link(db.session, form.name.data)
        db.session.commit()
        return render_template("accounts/link_sent.html")
    return render_template("accounts/forgot.html", form=form), 400 if form.errors else 200


@blueprint.route("/password/<token>", methods=["GET", "POST"])
@public
@limiter.limit("30 per minute")
def set_password(token: str) -> str | Response | tuple[str, int]:
    """Set a password by a link from the mail."""
    secret = current_app.config["FORMROOM"].secret_key
    form = NewPasswordForm()
    if form.validate_on_submit():
        try:
            service.set_password(db.session, token, form.new.data, secret_key=secret)
        except BadPassword as error:
            db.session.rollback()
            form.form_errors.append(str(error))
        else:
            db.session.commit()
            session.clear()
            flash("Your password is set. Log in with it.", "success")
            return redirect(url_for("accounts.login"), code=303)
    else:
        service.check_link(db.session, token, secret)
    return render_template("accounts/set_password.html", form=form), 400 if form.errors else 200
