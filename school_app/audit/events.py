"""The names of everything that the audit log records: one enum, so that a filter lists them all.

Anyone may import it.
"""

from __future__ import annotations

import enum


class Event(enum.StrEnum):
    """What happened. Changes of rows are written by capture; the rest is recorded by services and routes."""

    ROW_ADDED = "row.added"
    ROW_CHANGED = "row.changed"
    ROW_REMOVED = "row.removed"
    ROWS_CHANGED_TOGETHER = "rows.changed_together"
    LOGGED_IN = "account.logged_in"
    LOGIN_FAILED = "account.login_failed"
    LOGGED_OUT = "account.logged_out"
    LOGGED_OUT_EVERYWHERE = "account.logged_out_everywhere"
    PASSWORD_CHANGED = "account.password_changed"  # noqa: S105 - a name, not a password.
    PASSWORD_LINK_SENT = "account.password_link_sent"  # noqa: S105
    ACCOUNT_DISABLED = "account.disabled"
    ACCOUNT_ENABLED = "account.enabled"
    REFUSED = "access.refused"
    REFUSED_OFTEN = "access.refused_often"
    SCHOOL_ENTERED = "operator.school_entered"
    SCHOOL_LEFT = "operator.school_left"
    STUDENT_VIEWED = "student.viewed"
    CASE_VIEWED = "case.viewed"
    NOTE_READ = "note.read"
    NOTE_WITHDRAWN = "note.withdrawn"
    AUDIT_VIEWED = "audit.viewed"
    EXPORTED = "data.exported"
    EXPORT_TAKEN = "data.export_taken"
    REGISTER_TAKEN = "register.taken"
    REGISTER_CORRECTED = "register.corrected"
    REGISTER_TAKEN_BACK = "register.taken_back"
    INCIDENT_VIEWED = "incident.viewed"
    INCIDENT_CORRECTED = "incident.corrected"
    INCIDENT_WITHDRAWN = "incident.withdrawn"
    CONTACT_LOGGED = "student.contact_logged"
    ALERT_RAISED = "alert.raised"
    ALERT_WORSENED = "alert.worsened"
    ALERT_RESOLVED = "alert.resolved"
    ALERT_VIEWED = "alert.viewed"
    ALERT_DECIDED = "alert.decided"
    ALERT_HANDED_ON = "alert.handed_on"
    CASE_OPENED = "case.opened"
    CASE_STEP_DONE = "case.step_done"
    CASE_EXTENDED = "case.extended"
    CASE_ESCALATED = "case.escalated"
    CASE_HANDED_OVER = "case.handed_over"
    CASE_CONFIRMED = "case.confirmed"
    CASE_CLOSED = "case.closed"
    IMPORT_FINISHED = "import.finished"
    IMPORT_REFUSED = "import.refused"
    THRESHOLDS_SET = "thresholds.set"
    ROWS_ARCHIVED = "audit.rows_archived"
    ROWS_COOLED = "audit.rows_cooled"
    ROWS_DESTROYED = "audit.rows_destroyed"
    RECORD_CARRIED = "audit.record_carried"
    RULE_RESTATED = "retention.rule_restated"
    HOLD_RESTATED = "retention.hold_restated"
    COLD_FILE_LOST = "audit.cold_file_lost"
    ROWS_RESTORED = "audit.rows_restored"
