"""The pages on which admins keep accounts, and the addresses by which operators enter and leave schools.

They stand on the blueprint of accounts.routes; school_app.features imports both.
"""

from __future__ import annotations

from flask import abort, flash, g, redirect, render_template, request, session, url_for
from werkzeug.wrappers import Response

from school_app.accounts import service, staff
from school_app.accounts.forms import ROLE_CHOICES, ROLE_WORDS, AccountForm, PersonForm, RolesForm
from school_app.accounts.login import ENTRY
from school_app.accounts.routes import blueprint
from school_app.accounts.staff import InvalidAccount, NewAccount
from school_app.core.db import db
from school_app.core.permissions import Permission, Role, requires, viewer


@blueprint.get("/admin/accounts")
@requires(Permission.ACCOUNTS_MANAGE)
def index() -> str:
    """The school's accounts by name."""
    word, text = request.args.get("role", ""), request.args.get("q", "").strip()[:80]
    role = Role(word) if word in {role.value for role in staff.SCHOOL_ROLES} else None
    page = staff.accounts(db.session, text=text, role=role, cursor=request.args.get("after"))
    more = url_for("accounts.index", after=page.next, q=text or None, role=word or None) if page.next else None
    return render_template(
        "accounts/index.html", page=page, more=more, text=text, role=word, choices=ROLE_CHOICES, words=ROLE_WORDS
    )


@blueprint.route("/admin/accounts/new", methods=["GET", "POST"])
@requires(Permission.ACCOUNTS_MANAGE)
def create() -> str | Response | tuple[str, int]:
    """Make an account and mail it the link to set a password."""
    form = AccountForm()
    if form.validate_on_submit():
        fields = (form.login.data, form.email.data or "", form.given_name.data, form.family_name.data)
        try:
            made = staff.create(
                db.session, NewAccount(*fields, form.chosen()), slug=g.school.slug, by_id=viewer().account_id
            )
        except InvalidAccount as error:
            db.session.rollback()
            form.form_errors.append(str(error))
        else:
            if made.email:
                service.send_link(db.session, made.id)
            db.session.commit()
            flash(f"{made.name} has an account now.", "success")
            return redirect(url_for("accounts.detail", account_id=made.id), code=303)
    return render_template("accounts/create.html", form=form), 400 if form.errors else 200


@blueprint.get("/admin/accounts/<int:account_id>")
@requires(Permission.ACCOUNTS_MANAGE)
def detail(account_id: int) -> str:
    """One account: its roles, and what can be done to it."""
    listed = staff.account_with_roles(db.session, account_id)
    return _detail_page(listed, PersonForm(obj=listed.account))


def _detail_page(listed: staff.Listed, person: PersonForm) -> str:
    form = RolesForm(formdata=None, data={"roles": [role.value for role in listed.roles]})
    return render_template("accounts/detail.html", listed=listed, form=form, person=person, words=ROLE_WORDS)


@blueprint.post("/admin/accounts/<int:account_id>/person")
@requires(Permission.ACCOUNTS_MANAGE)
def change_person(account_id: int) -> Response | tuple[str, int]:
    """Correct an account's names and e-mail address."""
    person = PersonForm()
    if person.validate():
        try:
            names = {"given_name": person.given_name.data or "", "family_name": person.family_name.data or ""}
            staff.change_person(
                db.session, account_id, **names, email=person.email.data or "", by_id=viewer().account_id
            )
        except InvalidAccount as error:
            db.session.rollback()
            person.form_errors.append(str(error))
        else:
            db.session.commit()
            flash("The account is corrected.", "success")
            return redirect(url_for("accounts.detail", account_id=account_id), code=303)
    return _detail_page(staff.account_with_roles(db.session, account_id), person), 400


@blueprint.post("/admin/accounts/<int:account_id>/<any(roles,disable,enable,link):what>")
@requires(Permission.ACCOUNTS_MANAGE)
def change(account_id: int, what: str) -> Response:
    """Change an account: its roles, whether it may log in, or send its link anew."""
    try:
        said = _change(account_id, what)
    except InvalidAccount as error:
        db.session.rollback()
        flash(str(error), "error")
    else:
        db.session.commit()
        flash(said, "success")
    return redirect(url_for("accounts.detail", account_id=account_id), code=303)


def _change(account_id: int, what: str) -> str:
    by_id = viewer().account_id
    if what == "roles":
        form = RolesForm()
        if not form.validate():
            abort(400)
        staff.set_roles(db.session, account_id, form.chosen(), by_id=by_id)
        return "The roles are changed."
    if what == "disable":
        staff.disable(db.session, account_id, by_id=by_id)
        return "The account is disabled, and its sessions have ended."
    if what == "enable":
        staff.enable(db.session, account_id)
        return "The account may log in again."
    listed = staff.account_with_roles(db.session, account_id)
    service.send_link(db.session, listed.account.id)
    return f"A link to set the password is on its way to {listed.account.email}."


@blueprint.post("/platform/schools/<int:school_id>/enter")
@requires(Permission.PLATFORM_SCHOOLS)
def enter_school(school_id: int) -> Response:
    """Enter a school, with a reason that its history keeps."""
    person = viewer()
    session[ENTRY] = staff.enter(
        db.session,
        school_id,
        operator_id=person.account_id,
        operator_name=person.name,
        reason=request.form.get("reason", ""),
    )
    db.session.commit()
    return redirect(url_for("dashboards.home"), code=303)


@blueprint.post("/platform/leave")
@requires(Permission.PLATFORM_SCHOOLS)
def leave_school() -> Response:
    """Leave the school again."""
    staff.leave(db.session, operator_id=viewer().account_id)
    db.session.commit()
    return redirect(url_for("operations.schools"), code=303)
