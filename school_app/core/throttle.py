"""Limits on how often one address may try, kept in Redis, or in memory where Redis cannot be reached.

Routes decorate with limiter.limit(); create_app() installs it.
"""

from __future__ import annotations

from flask import Flask
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address

from school_app.config import Settings

limiter = Limiter(get_remote_address, strategy="fixed-window", in_memory_fallback_enabled=True)


def init_app(app: Flask, settings: Settings) -> None:
    """Choose where the counts lie."""
    app.config["RATELIMIT_STORAGE_URI"] = settings.redis_url or "memory://"
    if settings.redis_url:
        app.config["RATELIMIT_STORAGE_OPTIONS"] = {"socket_connect_timeout": 0.2, "socket_timeout": 0.2}
    app.config["RATELIMIT_KEY_PREFIX"] = "limit"
    app.config["RATELIMIT_HEADERS_ENABLED"] = False
    limiter.init_app(app)
