"""Alembic's environment: the app's own engine options, one connection, no statement time limit."""

from __future__ import annotations

from alembic import context
from flask import current_app
from sqlalchemy import create_engine, pool

from school_app.core.db import Base, db, engine_options, prepare_engine

settings = current_app.config["FORMROOM"]


def run() -> None:
    """Run the migrations online; scripts for a database administrator come from `flask db upgrade --sql`."""
    if context.is_offline_mode():
        context.configure(dialect=db.engine.dialect, target_metadata=Base.metadata, literal_binds=True)
        with context.begin_transaction():
            context.run_migrations()
        return
    options = {key: value for key, value in engine_options(settings).items() if not key.startswith(("pool_", "max_"))}
    if "connect_args" in options and "read_timeout" in options["connect_args"]:
        options["connect_args"] = {**options["connect_args"], "read_timeout": 3600, "write_timeout": 3600}
    engine = create_engine(settings.database_url, poolclass=pool.NullPool, **options)
    prepare_engine(engine, 0)
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
