"""The jobs of the night without which the audit log or the figures are not what they promise, and what to do when one
has failed.

operations.queries shows them; operations.service mails them.
"""

from __future__ import annotations

from datetime import timedelta

# A failure of the latest run of one of these stands on every page of the operators, and is mailed to them once.
WATCHED = {
    "workers.jobs.keep_audit_partitions": (
        "Run “flask audit partitions”: it names the years without a partition and what to run."
    ),
    "workers.jobs.seal_audit": "Run “flask audit seal”, and “flask audit verify” when it has ended.",
    "workers.jobs.archive_audit": (
        "Run “flask audit verify”; where it finds nothing, “flask audit archive”, which goes on where the job ended."
    ),
    "workers.jobs.cool_audit": "Run “flask audit cool”: it names the years that could not go, and why.",
    "workers.jobs.check_summaries": (
        "Run “flask summaries check”, which names every difference, then “flask summaries rebuild” for those days."
    ),
    "workers.jobs.move_school_year": (
        "Run “flask attendance close” or “reopen” for this school and year: it says why, and goes on where the job "
        "ended."
    ),
    "workers.jobs.destroy_audit": "Run “flask retention destroy --dry-run”: it says what stands in the way.",
}
WATCHED_FOR = timedelta(days=7)
