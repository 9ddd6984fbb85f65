"""What people do: pages that are viewed, things that are written, exports that are asked for and taken away.

Nine visits of ten view one page. A visit that writes opens the page with the form first, as a person does.
"""

from __future__ import annotations

import html
import random
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import date
from urllib.parse import quote

from bench.load.people import Care, Person
from bench.load.wire import Answer
from school_app.core.permissions import Role

Get = Callable[[str, str], Awaitable[Answer]]
Post = Callable[[str, str, dict[str, str]], Awaitable[Answer]]

VIEWS, WRITES, EXPORTS = 90, 8, 2
NULL = "/health/live"
TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')
SEEN = re.compile(r'name="seen" value="([^"]+)"')
ONCE = re.compile(r'name="once" value="([^"]+)"')
CODE = re.compile(r'name="code-(\d+)" value="([^"]*)"([^>]*)>')
MORE = re.compile(r'name="((?:minutes|reason)-\d+)"[^>]*? value="([^"]*)"')
FILE = re.compile(r'href="(/audit/exports/\d+/file)"')
# An account may keep ten exports, and one more is refused with a sentence; those of earlier runs of the day count.
MOST_EXPORTS = 8


class Odd(Exception):
    """A page lacks what a person would need to go on; the message names it."""


@dataclass(frozen=True, slots=True)
class View:
    """A page, how often it is viewed beside the others, by whom, and under which address.

    Where it is opened `again`, some sessions ask for it whose people have seen it just before.
    """

    name: str
    weight: int
    role: Role
    path: Callable[[Person, random.Random], str]
    again: bool = False


def _care(person: Person) -> Care:
    if person.care is None:
        raise Odd(f"account {person.account_id} has no form")
    return person.care


def _student(person: Person, dice: random.Random) -> str:
    return f"/students/{dice.choice(_care(person).students)[0]}"


def _register(person: Person, dice: random.Random) -> str:
    care = _care(person)
    if not care.registers:
        return "/registers"
    on, part = dice.choice(care.registers)
    return f"/register/{care.form_id}/{on}?session={part}"


def _search(person: Person, dice: random.Random) -> str:
    return f"/search?q={quote(dice.choice(_care(person).students)[1][:3])}"


def _always(path: str) -> Callable[[Person, random.Random], str]:
    return lambda person, dice: path


SHOWN = (
    View("First page of a form master", 30, Role.FORM_MASTER, _always("/")),
    # No visit of the mix of its own: there it happens as often as it happens.
    View("First page of a form master, again", 0, Role.FORM_MASTER, _always("/"), again=True),
    View("Student", 14, Role.FORM_MASTER, _student),
    View("Register", 12, Role.FORM_MASTER, _register),
    View("Alerts", 8, Role.FORM_MASTER, _always("/alerts")),
    View("Cases", 8, Role.FORM_MASTER, _always("/cases")),
    View("Search", 6, Role.FORM_MASTER, _search),
    View("Students", 4, Role.FORM_MASTER, _always("/students")),
    View("First page of a teacher", 6, Role.TEACHER, _always("/")),
    View("First page of a head of year", 4, Role.HEAD_OF_YEAR, _always("/")),
    View("First page of an admin", 3, Role.SCHOOL_ADMIN, _always("/")),
    View("Registers of the day", 2, Role.SCHOOL_ADMIN, _always("/registers")),
    View("History", 3, Role.AUDITOR, _always("/audit")),
)


@dataclass(slots=True)
class Written:
    """What was sent, by kind, each under a text of its own; and which of it was answered with a redirect, as kept.

    `first_day` is the first day of which a register was changed.
    """

    run: str
    sent: dict[str, list[str]] = field(default_factory=dict)
    answered: dict[str, list[str]] = field(default_factory=dict)
    exports: int = 0
    refused: int = 0
    first_day: date | None = None

    def text(self, kind: str) -> str:
        """A text of its own, by which what is written is found again."""
        texts = self.sent.setdefault(kind, [])
        texts.append(f"bench {self.run} {kind} {len(texts)}")
        return texts[-1]

    def judge(self, kind: str, text: str, answer: Answer) -> None:
        """Note what became of it. A conflict (409) is a refusal that a person reads, and nothing is to be kept."""
        if answer.status == 303:
            self.answered.setdefault(kind, []).append(text)
        elif answer.status == 409:
            self.refused += 1


def _found(pattern: re.Pattern[str], page: str, what: str) -> str:
    found = pattern.search(page)
    if found is None:
        raise Odd(f"the page has no {what}")
    return html.unescape(found.group(1))


async def save_register(person: Person, written: Written, get: Get, post: Post, dice: random.Random) -> None:
    """Correct one student in a register that was not corrected in this run yet."""
    care = _care(person)
    if not care.registers:
        await add_note(person, written, get, post, dice)
        return
    on, part = care.registers.pop(dice.randrange(len(care.registers)))
    written.first_day = min(on, written.first_day or on)
    path = f"/register/{care.form_id}/{on}?session={part}"
    page = (await get("Register, opened to save", path)).body.decode()
    fields = {name: html.unescape(value) for name, value in MORE.findall(page)}
    fields |= {f"code-{id_}": html.unescape(code) for id_, code, rest in CODE.findall(page) if "checked" in rest}
    exception = _exception(page)
    student = dice.choice([name for name in fields if name.startswith("code-")]).removeprefix("code-")
    text = written.text("register")
    fields |= {f"code-{student}": exception, f"reason-{student}": text}
    fields |= {"seen": _found(SEEN, page, "fingerprint"), "csrf_token": _found(TOKEN, page, "token")}
    written.judge("register", text, await post("Register saved", path, fields))


def _exception(page: str) -> str:
    """A code that is no presence: the second, as the present one stands first."""
    codes = CODE.findall(page)
    if len(codes) < 2 or codes[0][0] != codes[1][0]:
        raise Odd("the register has no codes to choose from")
    return html.unescape(codes[1][1])


async def add_note(person: Person, written: Written, get: Get, post: Post, dice: random.Random) -> None:
    """Write a note on a student."""
    path = _student(person, dice)
    page = (await get("Student, opened to write", path)).body.decode()
    text = written.text("note")
    fields = {"csrf_token": _found(TOKEN, page, "token"), "once": _found(ONCE, page, "name of what it makes")}
    answer = await post("Note kept", f"{path}/notes", fields | {"body": text, "kind": "general"})
    written.judge("note", text, answer)


async def answer_alert(person: Person, written: Written, get: Get, post: Post, dice: random.Random) -> None:
    """Answer an open alert; where none is left, write a note."""
    care = _care(person)
    if not care.alerts:
        await add_note(person, written, get, post, dice)
        return
    path = f"/alerts/{care.alerts.pop(dice.randrange(len(care.alerts)))}"
    page = (await get("Alert, opened to answer", path)).body.decode()
    if f'action="{path}"' not in page:
        # A register that was corrected in this run has resolved it.
        written.refused += 1
        return
    text = written.text("alert")
    fields = {"csrf_token": _found(TOKEN, page, "token"), "kind": "not_a_concern", "reason": text}
    written.judge("alert", text, await post("Alert answered", path, fields))


WRITING = ((save_register, 5), (add_note, 2), (answer_alert, 1))


async def export(person: Person, written: Written, get: Get, post: Post, dice: random.Random) -> None:
    """Ask for an export of the last 30 days; where there are enough already, take one away."""
    page = (await get("Exports", "/audit/exports")).body.decode()
    person.exports = max(person.exports, page.count("Asked for "))
    if person.exports < MOST_EXPORTS:
        person.exports += 1
        fields = {"csrf_token": _found(TOKEN, page, "token"), "format": dice.choice(("csv", "jsonl"))}
        answer = await post("Export asked for", "/audit/exports", fields)
        written.exports += answer.status == 303
    elif files := FILE.findall(page):
        await get("Export taken away", dice.choice(files))
