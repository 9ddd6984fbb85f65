"""What the demo's schools and those that are generated have in common.

demo.load, demo.days and demo.generated use it.
"""

from __future__ import annotations

from school_app.alerts.facts import AttendanceCategory

TIMEZONE = "Europe/London"
# The log-in of the platform's one operator.
OPERATOR = "operator"
LATE, AWOL, EXCUSED = "L", "A", "E"
# The attendance codes of a school by their letters, in their order: name, and what a session counts as.
CODES = {
    "/": ("Present", AttendanceCategory.PRESENT),
    LATE: ("Late", AttendanceCategory.LATE),
    AWOL: ("Absent", AttendanceCategory.ABSENT_UNEXCUSED),
    EXCUSED: ("Excused", AttendanceCategory.ABSENT_EXCUSED),
    "N": ("Not required", AttendanceCategory.NOT_REQUIRED),
}
# Goals and strategies of cases, for each indicator that an alert may be of; the demo's cases have the first.
PLANS = {
    "A": (
        ("Here on nine of ten days until the review.", "Check in each Monday; call home on the first day."),
        ("No day without a reason for six weeks.", "A call before nine on each day of absence; a talk every Friday."),
    ),
    "B": (
        ("Two weeks without an incident.", "A talk after lunch every Friday; a quiet place to go to."),
        ("Asks for help before it comes to a fight.", "A card to leave the room with; a mentor twice a week."),
    ),
    "C": (
        ("Half of the points in the next two tests.", "Homework club on Tuesdays; the teacher looks at the plan."),
        ("Back to the mark of last term.", "Extra lesson on Thursdays; tasks in small steps."),
    ),
}
