"""The headers of OneRoster's CSV files, by version.

Source: 1EdTech OneRoster 1.1 and 1.2, CSV binding. Columns named metadata.* may be added to any file.
"""

from __future__ import annotations

from collections.abc import Mapping

from school_app.rosters.csv_reader import Layout

VERSIONS = ("1.1", "1.2")
HEAD = ("sourcedId", "status", "dateLastModified")


def _layout(required: str, optional: str = "") -> Layout:
    return Layout((*HEAD, *required.split()), tuple(optional.split()), extensible=True)


_SHARED: dict[str, Layout] = {
    "academicSessions.csv": _layout("title type startDate endDate parentSourcedId schoolYear"),
    "orgs.csv": _layout("name type identifier parentSourcedId"),
    "courses.csv": _layout("schoolYearSourcedId title courseCode grades orgSourcedId subjects subjectCodes"),
    "classes.csv": _layout(
        "title grades courseSourcedId classCode classType location schoolSourcedId termSourcedIds subjects "
        "subjectCodes periods"
    ),
    "enrollments.csv": _layout("classSourcedId schoolSourcedId userSourcedId role primary beginDate endDate"),
    "demographics.csv": _layout(
        "birthDate sex",
        "americanIndianOrAlaskaNative asian blackOrAfricanAmerican nativeHawaiianOrOtherPacificIslander white "
        "demographicRaceTwoOrMoreRaces hispanicOrLatinoEthnicity countryOfBirthCode stateOfBirthAbbreviation "
        "cityOfBirth publicSchoolResidenceStatus",
    ),
    "categories.csv": _layout("title", "weight"),
    "lineItems.csv": _layout(
        "title description assignDate dueDate classSourcedId categorySourcedId gradingPeriodSourcedId "
        "resultValueMin resultValueMax",
        "schoolSourcedId",
    ),
    "results.csv": _layout(
        "lineItemSourcedId studentSourcedId scoreStatus score scoreDate comment",
        "classSourcedId inProgress incomplete late missing",
    ),
}
_USER = "enabledUser username userIds givenName familyName middleName identifier email sms phone agentSourcedIds grades"
LAYOUTS: Mapping[str, Mapping[str, Layout]] = {
    "1.1": {**_SHARED, "users.csv": _layout(f"{_USER} orgSourcedIds role", "password")},
    "1.2": {
        **_SHARED,
        "users.csv": _layout(
            _USER,
            "password userMasterIdentifier resourceSourcedIds preferredGivenName preferredMiddleName "
            "preferredFamilyName primaryOrgSourcedId pronouns",
        ),
        "roles.csv": _layout("userSourcedId roleType role beginDate endDate orgSourcedId", "userProfileSourcedId"),
    },
}
_ROSTER = ("academicSessions.csv", "orgs.csv", "courses.csv", "classes.csv", "users.csv", "enrollments.csv")
REQUIRED_FILES = {"1.1": _ROSTER, "1.2": (*_ROSTER, "roles.csv")}
