"""Alembic's environment: the app's own engine options, one connection, no statement time limit."""

from __future__ import annotations

from alembic import context
from flask import current_app

from school_app.core.db import Base, db
from school_app.core.db.engines import unhurried_engine

settings = current_app.config["FORMROOM"]


def run() -> None:
    """Run the migrations online; scripts for a database administrator come from `flask db upgrade --sql`."""
    if context.is_offline_mode():
        context.configure(dialect=db.engine.dialect, target_metadata=Base.metadata, literal_binds=True)
        with context.begin_transaction():
            context.run_migrations()
        return
    engine = unhurried_engine(settings)
    with engine.connect() as connection:
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            compare_type=True,
            render_as_batch=connection.dialect.name == "sqlite",
        )
        with context.begin_transaction():
            context.run_migrations()


run()
