"""The database's accounts: what web, workers and archiver may do with each table, and the statements that say so.

`flask db-users` prints or runs them; docs/decisions/0027 says why there are three.
"""

from __future__ import annotations

import enum
import re
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from sqlalchemy.engine import URL

from school_app.core.errors import DomainError

Rights = tuple[str, ...]
LONGEST_PREFIX = 20


class Who(enum.StrEnum):
    """Who opens connections; the owner, who makes and changes the tables, is whoever runs the migrations."""

    WEB = "web"
    WORKER = "worker"
    ARCHIVER = "archiver"


READ: Rights = ("SELECT",)
ADD: Rights = ("SELECT", "INSERT")
KEEP: Rights = ("SELECT", "INSERT", "UPDATE")
CHANGE: Rights = ("SELECT", "INSERT", "UPDATE", "DELETE")
# A row that moves is copied and deleted, never updated; an exchange of partitions asks for the last three.
MOVE: Rights = ("SELECT", "INSERT", "DELETE", "ALTER", "CREATE", "DROP")

# The log of what was done: nobody who serves pages can change it, and nobody who can take rows away can make a seal.
AUDIT: dict[str, dict[Who, Rights]] = {
    "audit_log": {Who.WEB: ADD, Who.WORKER: ADD, Who.ARCHIVER: MOVE},
    "audit_log_staging": {Who.WEB: READ, Who.WORKER: READ, Who.ARCHIVER: MOVE},
    "audit_log_archive": {Who.WEB: READ, Who.WORKER: READ, Who.ARCHIVER: MOVE},
    "audit_seal": {Who.WEB: READ, Who.WORKER: ADD, Who.ARCHIVER: READ},
    "audit_seal_run": {Who.WORKER: ADD, Who.ARCHIVER: READ},
    "audit_archive_run": {Who.WEB: READ, Who.WORKER: READ, Who.ARCHIVER: KEEP},
    "audit_archive_lease": {Who.WEB: READ, Who.WORKER: KEEP, Who.ARCHIVER: KEEP},
    "audit_cold_file": {Who.WEB: READ, Who.WORKER: READ, Who.ARCHIVER: KEEP},
    "audit_cold_day": {Who.WORKER: READ, Who.ARCHIVER: ADD},
}
# A job's row, which every process that does jobs claims and ends.
JOBS: dict[str, dict[Who, Rights]] = {
    "job_run": {Who.WEB: CHANGE, Who.WORKER: CHANGE, Who.ARCHIVER: ("SELECT", "UPDATE")},
}
# Registers of closed years: pages read them, runs of workers move them, and the archiver keeps the years' partitions.
CLOSED: dict[str, dict[Who, Rights]] = {
    table: {Who.WEB: READ, Who.WORKER: ("SELECT", "INSERT", "DELETE"), Who.ARCHIVER: MOVE}
    for table in ("register_archive", "attendance_mark_archive")
}
# By what the web renews there, replicas show how far they are.
REPLICAS: dict[str, dict[Who, Rights]] = {"replica_beat": {Who.WEB: KEEP}}
# What may be destroyed and what is held is for pages and commands to say, and for the archiver to read.
RETENTION: dict[str, dict[Who, Rights]] = {
    # By which rule a file was destroyed, and whether a hold stood, is asked by the verification.
    "retention_rule": {Who.WEB: KEEP, Who.WORKER: READ, Who.ARCHIVER: READ},
    "legal_hold": {Who.WEB: KEEP, Who.WORKER: READ, Who.ARCHIVER: READ},
    # It locks the school while it asks for holds, so that none is set meanwhile.
    "school": {Who.WEB: CHANGE, Who.WORKER: CHANGE, Who.ARCHIVER: READ},
}
# What schools write and change by the pages and by files that workers bring in.
SCHOOLS = (
    *("account", "account_role", "last_look", "operator_entry", "password_link", "refusal_tally"),
    *("school_thresholds", "school_year", "term", "calendar_day", "year_group", "subject"),
    *("form", "form_master", "head_of_year", "teaching_group", "teaching_group_member", "teaching_group_teacher"),
    *("student", "student_name_entry", "student_guardian", "guardian", "enrolment", "note"),
    *("attendance_code", "register", "attendance_mark", "assessment", "assessment_result", "incident"),
    *("alert", "alert_decision", "risk_profile", "intervention_case", "case_event", "case_step"),
    *("roster_import", "roster_import_problem", "history_export"),
    *("form_day", "student_figures", "summary_due", "summary_state"),
)
# Rights on the whole database: MySQL gives this one for no single table. It locks none that its account may not read.
EVERYWHERE: dict[Who, Rights] = {Who.ARCHIVER: ("LOCK TABLES",)}
RIGHTS: Mapping[str, Mapping[Who, Rights]] = {
    **{table: {Who.WEB: CHANGE, Who.WORKER: CHANGE} for table in SCHOOLS},
    **JOBS,
    **CLOSED,
    **REPLICAS,
    **RETENTION,
    **AUDIT,
}


class BadName(DomainError):
    """A name that cannot be that of a database account or of its host."""


def password() -> str:
    """A new password: 24 random bytes, with the kinds of characters that a server may ask for."""
    return f"{secrets.token_urlsafe(24)}-Aa1"


@dataclass(frozen=True, slots=True)
class Accounts:
    """The three accounts of one database; `host` is from where they connect, as the server writes it.

    Raises BadName for what would have to be quoted.
    """

    database: str
    prefix: str = "formroom"
    host: str = "%"
    passwords: Mapping[Who, str] = field(default_factory=lambda: {who: password() for who in Who})

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", self.prefix) or len(self.prefix) > LONGEST_PREFIX:
            raise BadName(
                f"{self.prefix!r} cannot begin the accounts' names: use letters, digits and _, no more than 20."
            )
        if not re.fullmatch(r"[A-Za-z0-9.:%_/-]+", self.host):
            raise BadName(f"{self.host!r} is no host: write an address, a name, or a pattern such as 10.0.0.%.")
        if not re.fullmatch(r"[A-Za-z0-9_$-]+", self.database):
            raise BadName(f"{self.database!r} is not a name of a database that these statements could hold.")

    def name(self, who: Who) -> str:
        """An account's name without its host."""
        return f"{self.prefix}_{who}"

    def account(self, who: Who) -> str:
        """An account as statements name it."""
        return f"'{self.name(who)}'@'{self.host}'"

    def create(self) -> Iterator[str]:
        """The statements that make the accounts; they fail where there are such accounts already."""
        for who in Who:
            yield f"CREATE USER {self.account(who)} IDENTIFIED BY '{self.passwords[who]}'"

    def grants(self) -> Iterator[str]:
        """The statements that give each account its rights, table by table; they may be repeated."""
        for who, granted in EVERYWHERE.items():
            yield f"GRANT {', '.join(granted)} ON `{self.database}`.* TO {self.account(who)}"
        for table, rights in RIGHTS.items():
            for who, granted in rights.items():
                yield f"GRANT {', '.join(granted)} ON `{self.database}`.`{table}` TO {self.account(who)}"

    def url(self, who: Who, owner: URL) -> str:
        """The setting with which an account connects to where the owner does."""
        chosen = owner.set(username=self.name(who), password=self.passwords[who])
        return chosen.render_as_string(hide_password=False)
