"""Formroom: create_app() puts settings, extensions, guards and features together, and nothing else.

wsgi.py, the workers, the commands and the tests call it.
"""

from __future__ import annotations

from pathlib import Path

from flask import Flask, request
from flask_bootstrap import Bootstrap5
from flask_migrate import Migrate
from flask_wtf.csrf import CSRFProtect
from werkzeug.middleware.proxy_fix import ProxyFix

from school_app import cli, features
from school_app.accounts import login, navigation, passwords
from school_app.alerts import sources
from school_app.audit import refusals
from school_app.audit.cold import store as cold_store
from school_app.config import Settings
from school_app.core import (
    asked,
    cache,
    costs,
    db,
    fragments,
    jobs,
    logs,
    metrics,
    pages,
    permissions,
    queues,
    reading,
    replicas,
    sessions,
    slots,
    static_files,
    throttle,
)
from school_app.schools import context

ROOT = Path(__file__).resolve().parent.parent
UPLOAD_BYTES = 64 * 1024 * 1024
FORM_BYTES = 2 * 1024 * 1024
# A register of a hundred students takes a tenth of it. Reading more costs a worker seconds, before anybody is asked who
# they are.
BODY_BYTES = 256 * 1024
UPLOADS = frozenset({"rosters.upload"})


def create_app(settings: Settings | None = None) -> Flask:
    """The application. Raises BadSettings, or UndeclaredEndpoint where a view forgot its permission."""
    settings = settings or Settings.from_env()
    app = static_files.App(
        "school_app",
        root_path=str(ROOT / "school_app"),
        template_folder="../templates",
        static_folder="../static",
    )
    app.config.update(
        SECRET_KEY=settings.secret_key,
        TESTING=settings.testing,
        SESSION_COOKIE_SECURE=settings.secure_cookies,
        MAX_CONTENT_LENGTH=UPLOAD_BYTES,
        MAX_FORM_MEMORY_SIZE=FORM_BYTES,
        MAX_FORM_PARTS=5000,
        WTF_CSRF_TIME_LIMIT=None,
        BOOTSTRAP_SERVE_LOCAL=True,
        FORMROOM=settings,
    )
    if settings.trusted_proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, settings.trusted_proxies, settings.trusted_proxies)  # type: ignore[method-assign]
    costs.init_app(app, metrics.init_app(app, settings).tell)
    app.url_map.converters["int"] = asked.IdConverter
    app.before_request(_limit_body)
    _extend(app, settings)
    for blueprint in features.blueprints():
        app.register_blueprint(blueprint)
    sources.init_app(app, features.fact_sources())
    cli.init_app(app)
    static_files.init_app(app, settings)
    permissions.refuse_undeclared(app)
    return app


def _limit_body() -> None:
    # A file comes in parts, which are put on disk as they are read; plain fields would all be held at once.
    if request.endpoint not in UPLOADS or request.mimetype != "multipart/form-data":
        request.max_content_length = BODY_BYTES


def _extend(app: Flask, settings: Settings) -> None:
    logs.configure(settings.log_level)
    db.init_app(app, settings)
    replicas.init_app(app, settings)
    reading.init_app(app)
    Migrate(app, db.db, directory=str(ROOT / "migrations"), compare_type=True)
    cache.init_app(app, settings)
    fragments.init_app(app, settings)
    cold_store.init_app(app, settings)
    app.session_interface = sessions.interface(settings)
    jobs.init_app(app, queues.queue_for(app, settings))
    pages.init_app(app, refusals.record_refusal)
    login.init_app(app)
    passwords.init_app(app, testing=settings.testing)
    navigation.init_app(app)
    CSRFProtect(app)
    slots.init_app(app)
    throttle.init_app(app, settings)
    Bootstrap5(app)
    app.before_request(permissions.guard)
    app.before_request(asked.refuse_untypable)
    context.init_app(app)
    app.after_request(permissions.no_store)
