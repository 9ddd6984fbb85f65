"""The mail with a link that sets a password.

workers.jobs calls it.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session, scoped_session

from school_app.accounts.models import Account, PasswordLink
from school_app.accounts.service import LINK_LIVES, token_of
from school_app.config import Settings
from school_app.core import mail
from school_app.core.errors import NotFound

AnySession = Session | scoped_session[Any]
TEXT = """Hello {name},

this link sets the password of your account {login} at Formroom:

{address}

It works once, within {hours} hours. If you did not ask for it, you need not do anything.
"""


def mail_password_link(session: AnySession, link_id: int, settings: Settings) -> str:
    """Mail a link to its account, unless it was used meanwhile; says which of the two happened."""
    link = session.get(PasswordLink, link_id)
    account = session.get(Account, link.account_id) if link else None
    if link is None or account is None or not account.email:
        raise NotFound("password link")
    if link.used_at is not None:
        return "not sent: the link was used or replaced"
    text = TEXT.format(
        name=account.name,
        login=account.login,
        address=f"{settings.base_url}/password/{token_of(link, settings.secret_key)}",
        hours=int(LINK_LIVES.total_seconds() // 3600),
    )
    mail.send(settings.mail_url, mail.message(account.email, "Set your password", text))
    return "sent"
