"""What may stand where in the source: commits, raw SQL, the engine, the escape from tenancy; templates; jobs."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from school_app.core.jobs import resolve

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted([*(ROOT / "school_app").rglob("*.py"), *(ROOT / "workers").rglob("*.py")])
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
# Routes, commands and workers end a transaction, and at_work each step of the runs that they drive; a refusal is
# recorded after the request's own was rolled back, and core.db.engines prepares a connection before anything uses it.
MAY_COMMIT = re.compile(
    r"(routes|commands|_page)\.py$|^workers/|(archiving/at_work|audit/refusals)\.py$|core/db/engines\.py$"
)
MAY_WRITE_SQL = {
    "school_app/archiving/changing.py",
    "school_app/archiving/years.py",
    "school_app/audit/cold/emptied.py",
    "school_app/audit/exchange.py",
    "school_app/audit/partitioning.py",
    "school_app/audit/partitions.py",
    "school_app/audit/traces.py",
    "school_app/operations/commands.py",
    "school_app/operations/routes.py",
}
MAY_USE_ENGINE = {
    "school_app/core/db/__init__.py",
    "school_app/core/reading.py",
    "school_app/core/replicas.py",
    "workers/carrying.py",
    "workers/jobs.py",
}
# The one escape from tenancy: log-in and accounts across schools, operators, commands, jobs.
MAY_SEE_ALL_SCHOOLS = {
    "school_app/accounts/commands.py",
    "school_app/accounts/login.py",
    "school_app/accounts/service.py",
    "school_app/accounts/staff.py",
    "school_app/archiving/at_work.py",
    "school_app/audit/cold_commands.py",
    "school_app/audit/partition_commands.py",
    "school_app/audit/commands.py",
    "school_app/audit/explain_commands.py",
    "school_app/audit/retention_routes.py",
    "school_app/audit/seal_commands.py",
    "school_app/audit/sealed.py",
    "school_app/dashboards/commands.py",
    "school_app/demo/load.py",
    "school_app/operations/routes.py",
    "school_app/rosters/commands.py",
    "school_app/rosters/service.py",
    "school_app/schools/chosen.py",
    "school_app/schools/commands.py",
    "school_app/students/commands.py",
    "school_app/years/commands.py",
    "workers/carrying.py",
    "workers/jobs.py",
    "workers/schedule.py",
}


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def calls(path: Path) -> Iterator[tuple[str, int]]:
    """Every called name of a file: `x.commit()` is "commit"."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            function = node.func
            called = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
            yield called, node.lineno


def places(called: str) -> set[str]:
    return {name(path) for path in SOURCES for found, _ in calls(path) if found == called}


def test_only_routes_commands_and_workers_commit() -> None:
    wrong = {place for place in places("commit") if not MAY_COMMIT.search(place)}
    assert wrong == set()


def test_raw_sql_stands_in_few_places() -> None:
    # The importers read a row's texts by a method of that name.
    readers = {
        f"school_app/rosters/{one}.py" for one in ("fields", "reading", "attendance_rows", "behaviour", "calendar")
    }
    assert places("text") <= MAY_WRITE_SQL | readers
    raw = {name(path) for path in SOURCES if re.search(r"from sqlalchemy import [^\n]*\btext\b", path.read_text())}
    assert raw <= MAY_WRITE_SQL


def test_the_engine_is_used_in_few_places() -> None:
    using = {
        name(path)
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and node.attr in ("engine", "engines")
    }
    assert using <= MAY_USE_ENGINE


def test_the_escape_from_tenancy_is_used_in_few_places() -> None:
    assert places("all_schools") <= MAY_SEE_ALL_SCHOOLS


def test_the_web_is_asked_by_routes_alone() -> None:
    wrong = {
        name(path)
        for path in SOURCES
        if path.stem in ("service", "queries", "models", "rules", "evaluation", "access", "notes", "archive", "roster")
        and re.search(r"from flask import [^\n]*\b(request|g|session)\b|current_user", path.read_text())
    }
    assert wrong == set()


def test_no_query_is_written_the_old_way() -> None:
    wrong = {name(path) for path in SOURCES if re.search(r"\b[A-Z]\w+\.query\b|session\.query\(", path.read_text())}
    assert wrong == set()


def test_every_job_that_is_enqueued_exists() -> None:
    named = {found for path in SOURCES for found in re.findall(r'"(workers\.jobs\.\w+)"', path.read_text())}
    assert named
    for job in named - {"workers.jobs.name"}:
        assert callable(resolve(job))


@pytest.mark.parametrize("path", TEMPLATES, ids=name)
def test_a_template_neither_trusts_markup_nor_carries_script_or_style(path: Path) -> None:
    text = path.read_text()
    assert "|safe" not in text
    assert not re.search(r"<script(?![^>]*\bsrc=)", text)
    assert not re.search(r"\sstyle=|\son(click|load|submit|change)=|<style", text)
    for form in re.findall(r'<form[^>]*method="post".*?</form>', text, re.DOTALL):
        assert "csrf" in form, f"{name(path)}: a form that posts without its token"


def test_every_link_of_the_templates_leads_somewhere(app: Flask) -> None:
    known = {rule.endpoint for rule in app.url_map.iter_rules()}
    for path in TEMPLATES:
        for endpoint in re.findall(r"url_for\(\s*['\"]([\w.]+)['\"]", path.read_text()):
            assert endpoint in known, f"{name(path)} links to {endpoint}, which does not exist"


def test_files_stay_small() -> None:
    long = {name(path): len(path.read_text().splitlines()) for path in SOURCES}
    assert {path: lines for path, lines in long.items() if lines > 400} == {}
