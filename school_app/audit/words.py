"""What events and kinds of things are called in the history.

Pages of audit/ and history/ use it; what fields are called is in history.fields.
"""

from __future__ import annotations

from school_app.audit.events import Event

EVENTS: dict[str, str] = {
    Event.ROW_ADDED: "added",
    Event.ROW_CHANGED: "changed",
    Event.ROW_REMOVED: "removed",
    Event.ROWS_CHANGED_TOGETHER: "changed many",
    Event.LOGGED_IN: "logged in",
    Event.LOGIN_FAILED: "log-in failed",
    Event.LOGGED_OUT: "logged out",
    Event.LOGGED_OUT_EVERYWHERE: "logged out everywhere",
    Event.PASSWORD_CHANGED: "changed the password",
    Event.PASSWORD_LINK_SENT: "password link",
    Event.ACCOUNT_DISABLED: "disabled the account",
    Event.ACCOUNT_ENABLED: "enabled the account",
    Event.REFUSED: "was refused",
    Event.REFUSED_OFTEN: "was refused more often",
    Event.SCHOOL_ENTERED: "entered the school as operator",
    Event.SCHOOL_LEFT: "left the school as operator",
    Event.STUDENT_VIEWED: "looked at the student",
    Event.CASE_VIEWED: "looked at the case",
    Event.NOTE_READ: "read the note",
    Event.NOTE_WITHDRAWN: "withdrew the note",
    Event.AUDIT_VIEWED: "looked at the history",
    Event.EXPORTED: "exported",
    Event.EXPORT_TAKEN: "took the file of an export",
    Event.REGISTER_TAKEN: "took the register",
    Event.REGISTER_CORRECTED: "corrected the register",
    Event.INCIDENT_VIEWED: "looked at the incident",
    Event.INCIDENT_CORRECTED: "corrected the incident",
    Event.INCIDENT_WITHDRAWN: "withdrew the incident",
    Event.REGISTER_TAKEN_BACK: "took the register back",
    Event.CONTACT_LOGGED: "logged a contact",
    Event.ALERT_RAISED: "alert raised",
    Event.ALERT_WORSENED: "alert worsened",
    Event.ALERT_RESOLVED: "alert resolved",
    Event.ALERT_VIEWED: "looked at the alert",
    Event.ALERT_DECIDED: "answered the alert",
    Event.ALERT_HANDED_ON: "handed the alert on",
    Event.CASE_OPENED: "opened the case",
    Event.CASE_STEP_DONE: "finished a step of the case",
    Event.CASE_EXTENDED: "extended the case",
    Event.CASE_ESCALATED: "escalated the case",
    Event.CASE_HANDED_OVER: "handed the case over",
    Event.CASE_CONFIRMED: "confirmed the case",
    Event.CASE_CLOSED: "closed the case",
    Event.IMPORT_FINISHED: "import finished",
    Event.IMPORT_REFUSED: "import refused",
    Event.YEAR_CLOSED: "closed the school year",
    Event.YEAR_REOPENED: "reopened the school year",
    Event.YEAR_MOVED: "moved the registers of the school year",
    Event.THRESHOLDS_SET: "set the thresholds",
    Event.ROWS_ARCHIVED: "archived audit rows",
    Event.ROWS_COOLED: "took audit rows to cold storage",
    Event.ROWS_DESTROYED: "destroyed audit rows past their time",
    Event.RECORD_CARRIED: "carried a record over from a file that was to be destroyed",
    Event.RULE_RESTATED: "stated again what a rule of retention says",
    Event.HOLD_RESTATED: "stated again that a hold stands",
    Event.COLD_FILE_LOST: "lost a file of cold storage",
    Event.ROWS_RESTORED: "brought audit rows back from cold storage",
}
THINGS: dict[str, str] = {
    "history_export": "export of the history",
    "legal_hold": "legal hold",
    "retention_rule": "rule of retention",
    "intervention_case": "case",
    "case_event": "entry in a case",
    "case_step": "step of a case",
    "alert_decision": "answer to an alert",
    "attendance_mark": "attendance mark",
    "attendance_code": "attendance code",
    "school_thresholds": "thresholds",
    "school_year": "school year",
    "calendar_day": "calendar day",
    "year_group": "year group",
    "form_master": "form master",
    "head_of_year": "head of year",
    "teaching_group": "class",
    "teaching_group_teacher": "teacher of a class",
    "teaching_group_member": "place in a class",
    "student_guardian": "guardian of a student",
    "assessment_result": "result",
    "account_role": "role",
    "operator_entry": "operator’s visit",
}


def thing(entity_type: str | None) -> str:
    """The word for a kind of thing."""
    if entity_type is None:
        return ""
    return THINGS.get(entity_type, entity_type.replace("_", " "))
