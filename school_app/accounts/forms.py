"""The forms of accounts' pages.

accounts.routes alone uses them.
"""

from __future__ import annotations

from flask_wtf import FlaskForm
from wtforms import EmailField, PasswordField, SelectMultipleField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import EqualTo, InputRequired, Length, Optional
from wtforms.widgets import CheckboxInput, ListWidget

from school_app.accounts.staff import SCHOOL_ROLES
from school_app.core.permissions import Role

ROLE_WORDS = {
    Role.FORM_MASTER: "Form master",
    Role.TEACHER: "Teacher",
    Role.HEAD_OF_YEAR: "Head of year",
    Role.SCHOOL_ADMIN: "School admin",
    Role.AUDITOR: "Auditor",
    Role.OPERATOR: "Operator",
}
ROLE_CHOICES = [(role.value, ROLE_WORDS[role]) for role in SCHOOL_ROLES]


class LoginForm(FlaskForm):
    """Login and password."""

    name = StringField("Login or e-mail address", [InputRequired("Enter your login."), Length(max=191)])
    password = PasswordField("Password", [InputRequired("Enter your password."), Length(max=200)])


class ForgotForm(FlaskForm):
    """Whose password is forgotten."""

    name = StringField("Login or e-mail address", [InputRequired("Enter your login."), Length(max=191)])


class NewPasswordForm(FlaskForm):
    """A new password, twice."""

    new = PasswordField("New password", [InputRequired("Enter a new password."), Length(max=200)])
    again = PasswordField("The same again", [EqualTo("new", "The two passwords differ; enter the same twice.")])


class ChangePasswordForm(NewPasswordForm):
    """The present password, and a new one twice."""

    old = PasswordField("Present password", [InputRequired("Enter your present password."), Length(max=200)])


class RolesForm(FlaskForm):
    """The roles of an account."""

    roles = SelectMultipleField(
        "Roles",
        choices=[SelectChoice(*choice) for choice in ROLE_CHOICES],
        option_widget=CheckboxInput(),
        widget=ListWidget(prefix_label=False),
    )

    def chosen(self) -> frozenset[Role]:
        """The roles that are ticked."""
        return frozenset(Role(word) for word in self.roles.data or ())


class PersonForm(FlaskForm):
    """Who an account is of."""

    given_name = StringField("First name", [InputRequired("Enter a first name."), Length(max=120)])
    family_name = StringField("Family name", [InputRequired("Enter a family name."), Length(max=120)])
    email = EmailField(
        "E-mail address",
        [Optional(), Length(max=191)],
        description="The link to set a password goes there.",
    )


class AccountForm(PersonForm, RolesForm):
    """A new account."""

    login = StringField(
        "Login",
        [InputRequired("Enter a login."), Length(max=191)],
        description="Letters, digits, and . _ - between them; “@” and the school’s short name are added.",
    )
