"""Settings refuse to start with what cannot work, name the variable, and never show a secret."""

from __future__ import annotations

import pytest

from school_app.config import EMBEDDED_SECRET, BadSettings, Settings

GOOD = {
    "FORMROOM_DATABASE_URL": "mysql+pymysql://someone:hidden-word@db/formroom",
    "FORMROOM_REDIS_URL": "redis://redis:6379/0",
    "FORMROOM_SECRET_KEY": "s" * 40,
}


def test_production_is_the_default_and_starts_with_three_settings() -> None:
    settings = Settings.from_env(GOOD)
    assert settings.environment == "production"
    assert (settings.pool_size, settings.pool_overflow, settings.pool_timeout_seconds) == (10, 5, 2.0)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"FORMROOM_SECRET_KEY": ""}, "FORMROOM_SECRET_KEY"),
        ({"FORMROOM_SECRET_KEY": "short"}, "FORMROOM_SECRET_KEY"),
        ({"FORMROOM_SECRET_KEY": EMBEDDED_SECRET}, "FORMROOM_SECRET_KEY"),
        ({"FORMROOM_DATABASE_URL": ""}, "FORMROOM_DATABASE_URL"),
        ({"FORMROOM_DATABASE_URL": "sqlite:///x"}, "FORMROOM_DATABASE_URL"),
        ({"FORMROOM_DATABASE_URL": "postgresql://hidden-word@db/x"}, "FORMROOM_DATABASE_URL"),
        ({"FORMROOM_DATABASE_URL": "hidden-word"}, "FORMROOM_DATABASE_URL"),
        ({"FORMROOM_REDIS_URL": ""}, "FORMROOM_REDIS_URL"),
        ({"FORMROOM_REDIS_URL": "http://x"}, "FORMROOM_REDIS_URL"),
        ({"FORMROOM_ENV": "staging"}, "FORMROOM_ENV"),
        ({"FORMROOM_POOL_SIZE": "many"}, "FORMROOM_POOL_SIZE"),
        # To the pool, none means as many as anybody asks for.
        ({"FORMROOM_POOL_SIZE": "0"}, "FORMROOM_POOL_SIZE"),
        ({"FORMROOM_MAIL_URL": "pigeon:"}, "FORMROOM_MAIL_URL"),
        ({"FORMROOM_SLOW_MILLISECONDS": "soon"}, "FORMROOM_SLOW_MILLISECONDS"),
        ({"FORMROOM_METRICS_TOKEN": "hidden-word"}, "FORMROOM_METRICS_TOKEN"),
        ({"FORMROOM_METRICS_TOKEN": "hidden-word=" * 4 + "x"}, "FORMROOM_METRICS_TOKEN"),
        ({"FORMROOM_STATIC_URL": "cdn.example.org"}, "FORMROOM_STATIC_URL"),
        ({"FORMROOM_STATIC_URL": "https://cdn.example.org/files"}, "FORMROOM_STATIC_URL"),
        ({"FORMROOM_STATIC_URL": "https://cdn.example.org; script-src *"}, "FORMROOM_STATIC_URL"),
    ],
)
def test_a_bad_setting_is_named_and_its_secret_is_not_shown(change: dict[str, str], named: str) -> None:
    with pytest.raises(BadSettings, match=named) as refused:
        Settings.from_env({**GOOD, **change})
    assert "hidden-word" not in str(refused.value)


def test_settings_do_not_print_their_secrets() -> None:
    assert "hidden-word" not in repr(Settings.from_env(GOOD))


def test_the_embedded_default_needs_no_setting_at_all() -> None:
    settings = Settings.from_env({"FORMROOM_ENV": "embedded"})
    assert settings.database_url.startswith("sqlite:///")
    assert settings.redis_url is None
