"""A tenant is a school: every statement and object of a session belongs to the one school set on it, or it fails.

Set by the request guard, jobs and commands; listeners on SchoolSession do the rest. This is what everything else
imports: whoever has a mark or a school from here has the guards with it.
"""

from school_app.core.tenancy.entered import (
    NoSchool,
    TenancyError,
    all_schools,
    current_school,
    enter_school,
    forget_all,
    is_foreign,
    needed_school,
    refuse_unless_all_schools,
    rows_of_any_school,
    sees_all_schools,
    use_school,
)
from school_app.core.tenancy.guards import BY_KEY
from school_app.core.tenancy.marks import IsSchool, SchoolOrPlatform, SchoolOwned, belongs, keyed, owned_tables

__all__ = [
    "BY_KEY",
    "IsSchool",
    "NoSchool",
    "SchoolOrPlatform",
    "SchoolOwned",
    "TenancyError",
    "all_schools",
    "belongs",
    "current_school",
    "enter_school",
    "forget_all",
    "is_foreign",
    "keyed",
    "needed_school",
    "owned_tables",
    "refuse_unless_all_schools",
    "rows_of_any_school",
    "sees_all_schools",
    "use_school",
]
