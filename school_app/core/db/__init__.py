"""The database as features meet it: the base of models, what their columns are made of, and the session.

Models and migrations have column types from here, though they stand in core.db.columns; engines for work beside pages
are in core.db.engines. Together with audit/ this package is the only place that knows one SQL dialect from another.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from flask_sqlalchemy.session import Session as FlaskSession
from sqlalchemy import MetaData
from sqlalchemy.orm import DeclarativeBase, Session

from school_app.config import Settings
from school_app.core import metrics, statements
from school_app.core.db.columns import ON_A_DAY, Folded, Id, JsonText, UtcDateTime, exact, has_day, one_of
from school_app.core.db.engines import close_in_children, engine_options, prepare_engine, unhurried_engine_of

__all__ = [
    "ON_A_DAY",
    "REPLICA",
    "Base",
    "Folded",
    "Id",
    "JsonText",
    "OwnSession",
    "SchoolSession",
    "UtcDateTime",
    "db",
    "exact",
    "has_day",
    "init_app",
    "one_of",
    "unhurried_session",
]

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
# In a session's info: the engine of the replica from which it reads at this moment.
REPLICA = "formroom.replica"


class Base(DeclarativeBase):
    """Every model's base; tables are named in the singular by hand."""

    metadata = MetaData(naming_convention=NAMING)


class SchoolSession(FlaskSession):
    """The session whose statements are guarded by core.tenancy; ways around the guards are closed here."""

    def connection(self, *args: Any, **kwargs: Any) -> Any:
        """Refuse a bare connection, on which no guard stands, outside all_schools()."""
        from school_app.core.tenancy import refuse_unless_all_schools

        refuse_unless_all_schools(self, "session.connection()")
        return super().connection(*args, **kwargs)

    def get_bind(self, *args: Any, **kwargs: Any) -> Any:
        """The replica from which core.reading has this session read, or else the app's own engine."""
        return self.info.get(REPLICA) or super().get_bind(*args, **kwargs)

    def get(self, entity: Any, ident: Any, **kwargs: Any) -> Any:
        """As Session.get(); an object that the identity map holds for another school is None."""
        from school_app.core.tenancy import BY_KEY, is_foreign

        self.info[BY_KEY] = True
        try:
            found = super().get(entity, ident, **kwargs)
        finally:
            self.info[BY_KEY] = False
        return None if found is not None and is_foreign(self, found) else found

    def bulk_save_objects(self, *args: Any, **kwargs: Any) -> None:
        raise _no_bulk("bulk_save_objects")

    def bulk_insert_mappings(self, *args: Any, **kwargs: Any) -> None:
        raise _no_bulk("bulk_insert_mappings")

    def bulk_update_mappings(self, *args: Any, **kwargs: Any) -> None:
        raise _no_bulk("bulk_update_mappings")


class OwnSession(SchoolSession):
    """A session with an engine of its own instead of the app's."""

    def get_bind(self, *args: Any, **kwargs: Any) -> Any:
        """The engine it was given."""
        return self.bind


def _no_bulk(name: str) -> Exception:
    from school_app.core.tenancy import TenancyError

    return TenancyError(f"{name} passes by the guards; use session.execute(insert(Model), rows).")


db: SQLAlchemy = SQLAlchemy(model_class=Base, session_options={"class_": SchoolSession}, disable_autonaming=True)


@contextmanager
def unhurried_session(settings: Settings) -> Iterator[Session]:
    """A session on an unhurried engine, for work across all schools; what is not committed is rolled back."""
    with unhurried_engine_of(settings) as engine:
        session = OwnSession(db, bind=engine)
        try:
            yield session
        finally:
            session.close()


def init_app(app: Flask, settings: Settings) -> None:
    """Bind the database to the app; no connection is made yet."""
    app.config["SQLALCHEMY_DATABASE_URI"] = settings.database_url
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = engine_options(settings)
    db.init_app(app)
    with app.app_context():
        for engine in db.engines.values():
            prepare_engine(engine, settings.statement_seconds)
            statements.watch(engine, settings.slow_milliseconds)
            metrics.of(app).watch_pool(engine)
            close_in_children(engine)
