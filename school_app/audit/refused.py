"""What the commands of the audit log say where the database refuses the account, or has no such table.

audit.commands and audit.retention_commands make their groups of it.
"""

from __future__ import annotations

from typing import Any

import click
from sqlalchemy.exc import DBAPIError

from school_app.archiving.changing import error_number

# The server's numbers for what an account has no right to, and for tables and columns that are not there.
DENIED = (1044, 1142, 1143, 1227, 1370)
NOT_THERE = (1054, 1146)
ARCHIVERS = "set FORMROOM_ARCHIVE_DATABASE_URL to the archiver's account"
WORKERS = "set FORMROOM_DATABASE_URL to a worker's account"
OWNERS = "set FORMROOM_DATABASE_URL to the owner's account"
WEBS = "set FORMROOM_DATABASE_URL to the web's account"
# Whose account a command needs; the others need that of a worker.
ACCOUNTS = {
    **dict.fromkeys(("archive", "cool", "restore", "give-up", "partitions", "destroy"), ARCHIVERS),
    **dict.fromkeys(("show", "set", "holds", "hold", "release", "runs", "cold", "explain"), WEBS),
    "partition-table": OWNERS,
}


class PlainGroup(click.Group):
    """A group of commands whose refusals by the database are told in a sentence with its remedy."""

    def invoke(self, ctx: click.Context) -> Any:
        """Do the command. Raises ClickException where the account or the schema is a wrong one."""
        try:
            return super().invoke(ctx)
        except DBAPIError as error:
            number, said = error_number(error), str(error.orig)
            if number in DENIED:
                account = ACCOUNTS.get(ctx.invoked_subcommand or "", WORKERS)
                raise click.ClickException(f"The database refuses this account: {said}. For this, {account}.") from None
            if number in NOT_THERE or "no such table" in said:
                remedy = "Is it the right database? Its schema is built by “flask db upgrade”, as its owner."
                raise click.ClickException(f"The database has not what this needs: {said}. {remedy}") from None
            raise
