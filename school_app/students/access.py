"""Who sees which student and which form: the one place of that rule.

Every feature from students/ upwards asks here; another person's student is not found, never forbidden.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Date, Select, and_, bindparam, false, literal, or_, select, true, union_all
from sqlalchemy.orm import Session, scoped_session

from school_app.accounts.models import Account, AccountRole, AccountStatus
from school_app.core.errors import NotFound
from school_app.core.lasting import lasting
from school_app.core.permissions import ROLE_PERMISSIONS, Permission, Role, Viewer
from school_app.schools.models import Form, FormMaster, HeadOfYear, TeachingGroupTeacher
from school_app.schools.queries import Duties, duties_of, holds_on
from school_app.students.models import Student, TeachingGroupMember

AnySession = Session | scoped_session[Any]


@dataclass(frozen=True, slots=True)
class Reach:
    """What a person's duties of one day open to them, as ids; `everyone` for those who see the whole school.

    A form's master and a head of year have students in their care: with alerts, cases and notes. Whoever only teaches
    a student sees the student, without those.
    """

    everyone: bool = False
    form_ids: frozenset[int] = frozenset()
    year_group_ids: frozenset[int] = frozenset()
    taught_ids: frozenset[int] = frozenset()

    def in_care(self) -> ColumnElement[bool]:
        """The condition on Student that the person is master of the form, head of the year, or sees everyone."""
        return _in_care(self.shape, self.form_ids, self.year_group_ids)

    @property
    def shape(self) -> Shape:
        """What the condition on those in care is made of, whatever its values."""
        return self.everyone, bool(self.form_ids), bool(self.year_group_ids)

    @property
    def care(self) -> dict[str, list[int]]:
        """The values of in_care_by()."""
        return {"care_form_ids": list(self.form_ids), "care_year_group_ids": list(self.year_group_ids)}

    def students(self) -> ColumnElement[bool]:
        """The condition on Student that the person sees them: in their care, or taught by them."""
        taught = [Student.id.in_(self.taught_ids)] if self.taught_ids else []
        return or_(self.in_care(), *taught)

    def forms(self) -> ColumnElement[bool]:
        """The condition on Form that it is the person's own, of their year, or of the school that they see whole."""
        if self.everyone:
            return true()
        return or_(
            false(),
            *([Form.id.in_(self.form_ids)] if self.form_ids else []),
            *([Form.year_group_id.in_(self.year_group_ids)] if self.year_group_ids else []),
        )

    def sees(self, student: Student) -> bool:
        """Whether a loaded student is seen."""
        return self.cares_for(student) or student.id in self.taught_ids

    def cares_for(self, student: Student) -> bool:
        """Whether a loaded student is in the person's care."""
        return self.everyone or student.form_id in self.form_ids or student.year_group_id in self.year_group_ids


Shape = tuple[bool, bool, bool]


def in_care_by(shape: Shape) -> ColumnElement[bool]:
    """The condition of Reach.in_care() for statements that stay: its values are the parameters of Reach.care."""
    forms: Any = bindparam("care_form_ids", expanding=True)
    years: Any = bindparam("care_year_group_ids", expanding=True)
    return _in_care(shape, forms, years)


def _in_care(shape: Shape, form_ids: Any, year_group_ids: Any) -> ColumnElement[bool]:
    everyone, of_forms, of_years = shape
    if everyone:
        return true()
    return or_(
        false(),
        *([Student.form_id.in_(form_ids)] if of_forms else []),
        *([Student.year_group_id.in_(year_group_ids)] if of_years else []),
    )


def care_of(viewer: Viewer, duties: Duties) -> Reach:
    """Whom a person has in their care by duties that are known already; whom they only teach is not in it."""
    if _sees_everyone(viewer):
        return Reach(everyone=True)
    return Reach(form_ids=duties.form_ids, year_group_ids=duties.year_group_ids)


def _sees_everyone(viewer: Viewer) -> bool:
    return viewer.entered_as_operator or Role.SCHOOL_ADMIN in viewer.roles


def reach_of(session: AnySession, viewer: Viewer, *, today: date) -> Reach:
    """The reach of a person on a day, in one statement, or none for those who see the whole school.

    It follows from duties with dates, not from the role alone: who was form master until yesterday sees nothing today.
    """
    if _sees_everyone(viewer):
        return Reach(everyone=True)
    found: dict[str, set[int]] = {"form": set(), "year": set(), "taught": set()}
    for kind, id_ in session.execute(DUTIES, {"account_id": viewer.account_id, "on": today}):
        found[kind].add(id_)
    return Reach(False, frozenset(found["form"]), frozenset(found["year"]), taught_ids=frozenset(found["taught"]))


def _duties() -> Any:
    account_id: Any = bindparam("account_id")
    today: Any = bindparam("on", type_=Date)
    taught = and_(
        TeachingGroupMember.starts_on <= today,
        or_(TeachingGroupMember.ends_on.is_(None), TeachingGroupMember.ends_on >= today),
    )
    return union_all(
        select(literal("form"), FormMaster.form_id).where(
            FormMaster.account_id == account_id, holds_on(FormMaster, today)
        ),
        select(literal("year"), HeadOfYear.year_group_id).where(
            HeadOfYear.account_id == account_id, holds_on(HeadOfYear, today)
        ),
        select(literal("taught"), TeachingGroupMember.student_id)
        .join(
            TeachingGroupTeacher,
            TeachingGroupTeacher.teaching_group_id == TeachingGroupMember.teaching_group_id,
        )
        .where(TeachingGroupTeacher.account_id == account_id, holds_on(TeachingGroupTeacher, today), taught),
    )


DUTIES = lasting(_duties())


def students_in_reach(session: AnySession, viewer: Viewer, *, today: date) -> Select[int]:
    """The ids of the students that a person sees, as a select to narrow further."""
    return select(Student.id).where(reach_of(session, viewer, today=today).students())


def reachable_student(
    session: AnySession, viewer: Viewer, student_id: int, *, today: date, in_care: bool = False
) -> Student:
    """A student that the person sees, or has in their care. Raises NotFound, which is recorded as a refusal."""
    reach = reach_of(session, viewer, today=today)
    return student_among(session, reach.in_care() if in_care else reach.students(), student_id)


def student_among(session: AnySession, condition: ColumnElement[bool], student_id: int) -> Student:
    """A student who meets a condition of a reach that is known already. Raises NotFound."""
    found = session.scalar(select(Student).where(Student.id == student_id, condition))
    if found is None:
        raise NotFound("student")
    return found


def reachable_form(session: AnySession, viewer: Viewer, form_id: int, *, today: date) -> Form:
    """A form that the person is master of, head of the year of, or sees with the whole school. Raises NotFound."""
    # Whom a person only teaches opens no form to them, and they are many to read.
    everyone = _sees_everyone(viewer)
    reach = Reach(everyone=True) if everyone else care_of(viewer, duties_of(session, viewer.account_id, today))
    found = session.scalar(select(Form).where(Form.id == form_id, reach.forms()))
    if found is None:
        raise NotFound("form")
    return found


def in_care_of(account_id: Any, on: Any) -> ColumnElement[bool]:
    """The condition on Student that the person in a column has them in care: as master, head of year, or admin.

    The same rule as Reach.in_care(), for statements about many people at once.
    """
    return or_(
        select(FormMaster.id)
        .where(FormMaster.account_id == account_id, FormMaster.form_id == Student.form_id, holds_on(FormMaster, on))
        .correlate_except(FormMaster)
        .exists(),
        select(HeadOfYear.id)
        .where(
            HeadOfYear.account_id == account_id,
            HeadOfYear.year_group_id == Student.year_group_id,
            holds_on(HeadOfYear, on),
        )
        .correlate_except(HeadOfYear)
        .exists(),
        select(AccountRole.id)
        .where(AccountRole.account_id == account_id, AccountRole.role == Role.SCHOOL_ADMIN)
        .correlate_except(AccountRole)
        .exists(),
    )


def carers_of(session: AnySession, student: Student, permission: Permission, *, today: date) -> list[Account]:
    """The active staff who have a student in their care and hold a right: masters, heads of year, admins; by name."""
    roles = [role for role, rights in ROLE_PERMISSIONS.items() if permission in rights]
    return list(
        session.scalars(
            select(Account)
            .join(AccountRole, AccountRole.account_id == Account.id)
            .join(Student, Student.school_id == Account.school_id)
            .where(
                Student.id == student.id,
                Account.status == AccountStatus.ACTIVE,
                AccountRole.role.in_(roles),
                in_care_of(Account.id, today),
            )
            .distinct()
            .order_by(Account.family_name, Account.id)
        )
    )
