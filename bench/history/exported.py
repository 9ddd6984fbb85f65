"""What an export of a school's whole history takes."""

from __future__ import annotations

import resource
import time
from dataclasses import dataclass

from sqlalchemy import select

from school_app.accounts.login import load_viewer
from school_app.accounts.models import Account, AccountRole, AccountStatus
from school_app.config import Settings
from school_app.core.db import db
from school_app.core.permissions import Role
from school_app.history import exports
from school_app.history.filters import asked
from school_app.history.models import ExportFormat, HistoryExport


@dataclass(frozen=True, slots=True)
class Exported:
    """What an export has written: `size` in bytes; `mib` is by how much the process's highest use of memory grew."""

    rows: int
    seconds: float
    size: int
    mib: float

    @property
    def rate(self) -> float:
        """Rows a second."""
        return self.rows / self.seconds

    def cells(self) -> tuple[str, ...]:
        """Rows, rows a second, bytes a row, and more memory in MiB."""
        return f"{self.rows:,}", f"{self.rate:,.0f}", f"{self.size / self.rows:.0f}", f"{self.mib:.0f}"


def export(form: ExportFormat, settings: Settings) -> Exported:
    """Export everything; what it takes to ask for it is not counted."""
    person = db.session.scalars(select(Account).where(Account.login == "auditor")).one()
    viewer = load_viewer(db.session, f"{person.id}.{person.session_version}")
    if viewer is None:
        raise SystemExit("The auditor of the bench cannot log in.")
    ordered = exports.ask_for(db.session, asked({"from": "2000-01-01"}, "UTC"), form, person=viewer).id
    db.session.commit()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.perf_counter()
    for _ in exports.write(db.session, settings, ordered):
        db.session.commit()
    db.session.commit()
    took = time.perf_counter() - started
    more = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    done = db.session.get_one(HistoryExport, ordered)
    return Exported(done.rows, took, done.size_bytes or 0, more)


def auditor() -> None:
    """An account that may export, where the database has none yet."""
    if db.session.scalar(select(Account.id).where(Account.login == "auditor")) is None:
        made = Account(login="auditor", given_name="An", family_name="Auditor", status=AccountStatus.ACTIVE)
        db.session.add(made)
        db.session.flush()
        db.session.add(AccountRole(account_id=made.id, role=Role.AUDITOR))
        db.session.commit()
