"""What a transaction changes of what pages show: noted as it is written, and told to the kept pages around its commit.

Listeners on SchoolSession do it, so that no service has to remember it. docs/decisions/0042 says why twice.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Protocol, cast

from sqlalchemy import Table, bindparam, event, inspect, select, union
from sqlalchemy.orm import ORMExecuteState, Session

from school_app.core import topics
from school_app.core.db import Base, SchoolSession
from school_app.core.tenancy import IsSchool, current_school, rows_of_any_school
from school_app.core.topics import Topic

# In a session's info: what its transaction has changed, and what was announced of it just before the commit.
TOUCHED, ANNOUNCED = "formroom.touched", "formroom.announced"
# Where a statement changes many rows of schools that it does not name: every page of every school.
EVERY_SCHOOL, EVERY_PAGE = 0, "every"
# Of more students at once, as in an import, every form is taken to be concerned.
MOST_STUDENTS = 300
Versions = Mapping[int, Collection[str]]


class Keeper(Protocol):
    """Whoever keeps pages: told which versions of each school are about to change, and which have changed."""

    def announce(self, versions: Versions) -> None: ...
    def raise_(self, versions: Versions) -> None: ...


@dataclass(slots=True)
class Touched:
    """What was changed of one school: topics as a whole, and topics of single students, forms and others' children."""

    whole: set[Topic] = field(default_factory=set)
    single: set[Topic] = field(default_factory=set)
    students: set[int] = field(default_factory=set)
    forms: set[int] = field(default_factory=set)
    parents: dict[str, set[int]] = field(default_factory=dict)

    def note(self, table: str, topic: Topic, row: Row) -> None:
        """Note a row that was added, changed or removed."""
        if topic not in topics.BY_FORM:
            self.whole.add(topic)
            return
        column, parent = topics.PARENTS.get(table, ("", ""))
        students = row.get("id" if table == "student" else "student_id")
        forms, above = row.get("form_id"), row.get(column)
        if students is None and forms is None and above is None:
            self.whole.add(topic)
            return
        self.single.add(topic)
        self.students |= students or set()
        self.forms |= forms or set()
        if above is not None:
            self.parents.setdefault(parent, set()).update(above)


# The ids that a row holds in a column, before the change and after it. A column whose value is not known is left out.
Row = Mapping[str, set[int]]
COLUMNS = frozenset({"id", "student_id", "form_id", *(column for column, _ in topics.PARENTS.values())})
_keepers: list[Keeper] = []


def tell(keeper: Keeper) -> None:
    """Have a keeper of pages told of every commit in this process, also of sessions outside of an app."""
    _keepers.append(keeper)


def _told(session: Session, school_id: int) -> Touched:
    return cast(Touched, session.info.setdefault(TOUCHED, {}).setdefault(school_id, Touched()))


@event.listens_for(SchoolSession, "after_flush")
def _note_flush(session: Session, context: object) -> None:
    if not _keepers:
        return
    changed = (one for one in session.dirty if session.is_modified(one))
    for instance in (*session.new, *changed, *session.deleted):
        table = str(instance.__tablename__)
        topic = topics.topic_of(table)
        if topic is None:
            continue
        school_id = instance.id if isinstance(instance, IsSchool) else instance.school_id
        if school_id is not None:
            _told(session, school_id).note(table, topic, _row(instance))


def _row(instance: Any) -> Row:
    attributes = inspect(instance).attrs
    found = {}
    for name in COLUMNS.intersection(attributes.keys()):
        history = attributes[name].history
        values = {*(history.added or ()), *(history.unchanged or ()), *(history.deleted or ())}
        if values:
            found[name] = values - {None}
    return found


@event.listens_for(SchoolSession, "do_orm_execute")
def _note_bulk(state: ORMExecuteState) -> None:
    if not _keepers or not (state.is_insert or state.is_update or state.is_delete) or state.bind_mapper is None:
        return
    table = str(cast(Table, state.bind_mapper.local_table).name)
    topic = topics.topic_of(table)
    if topic is None:
        return
    rows = state.parameters if state.is_insert and isinstance(state.parameters, list) else [{}]
    touched = _told(state.session, current_school(state.session) or EVERY_SCHOOL)
    for row in rows:
        touched.note(table, topic, {name: {row[name]} - {None} for name in COLUMNS & row.keys()})


@event.listens_for(SchoolSession, "before_commit")
def _announce(session: Session) -> None:
    if not _keepers or session.in_nested_transaction():
        return
    session.flush()
    touched: dict[int, Touched] = session.info.pop(TOUCHED, {})
    if not touched:
        return
    versions = {school_id: _versions(session, school_id, one) for school_id, one in touched.items()}
    if EVERY_SCHOOL in versions:
        versions[EVERY_SCHOOL] = {EVERY_PAGE}
    session.info[ANNOUNCED] = versions
    for keeper in _keepers:
        keeper.announce(versions)


@event.listens_for(SchoolSession, "after_commit")
def _raise(session: Session) -> None:
    if not session.in_nested_transaction():
        _raise_announced(session)


@event.listens_for(SchoolSession, "after_rollback")
def _forget(session: Session) -> None:
    if session.in_nested_transaction():
        return
    session.info.pop(TOUCHED, None)
    # A commit whose connection was lost may have been carried out all the same.
    _raise_announced(session)


def _raise_announced(session: Session) -> None:
    versions: Versions | None = session.info.pop(ANNOUNCED, None)
    if versions:
        for keeper in _keepers:
            keeper.raise_(versions)


def _versions(session: Session, school_id: int, touched: Touched) -> set[str]:
    """The versions that are no longer what they were."""
    if len(touched.students) > MOST_STUDENTS:
        touched.whole |= touched.single
    found = {topics.version(topic) for topic in touched.whole | touched.single}
    found |= {topics.version_of_all_forms(topic) for topic in touched.whole & topics.BY_FORM}
    single = touched.single - touched.whole
    if single:
        forms = _forms(session, school_id, touched)
        found |= {topics.version_of_form(topic, form_id) for topic in single for form_id in forms}
    return found


def _forms(session: Session, school_id: int, touched: Touched) -> set[int]:
    """The forms whose pages show one of the students, or a student who was ever with one in a form that was changed."""
    with rows_of_any_school(session):
        students = touched.students | _of_parents(session, school_id, touched.parents)
        values = {"school_id": school_id, "students": list(students), "forms": list(touched.forms)}
        return (touched.forms | set(session.scalars(_asked_forms(), values))) - {None}


@cache
def _asked_forms() -> Any:
    """Put together once, when all tables are known: every commit of something that pages show asks it."""
    student, place, other = _table("student"), _table("enrolment"), _table("enrolment").alias()
    here: Any = bindparam("school_id")
    students: Any = bindparam("students", expanding=True)
    forms: Any = bindparam("forms", expanding=True)
    together = (place.c.school_id == other.c.school_id) & (place.c.student_id == other.c.student_id)
    return union(
        select(student.c.form_id).where(student.c.school_id == here, student.c.id.in_(students)),
        select(place.c.form_id).where(place.c.school_id == here, place.c.student_id.in_(students)),
        select(other.c.form_id).join(place, together).where(place.c.school_id == here, place.c.form_id.in_(forms)),
    )


def _of_parents(session: Session, school_id: int, parents: Mapping[str, Iterable[int]]) -> set[int]:
    """The students of cases and alerts."""
    found: set[int] = set()
    for name, ids in parents.items():
        table = _table(name)
        found |= set(
            session.scalars(select(table.c.student_id).where(table.c.school_id == school_id, table.c.id.in_(ids)))
        )
    return found


def _table(name: str) -> Table:
    return Base.metadata.tables[name]
