"""Sending mail: to the console, into files, or to a mail server, as FORMROOM_MAIL_URL says.

Jobs call send(); pages never wait for a mail server.
"""

from __future__ import annotations

import smtplib
import ssl
import sys
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from urllib.parse import unquote, urlsplit

from school_app.core import clock

SECONDS = 20
SENDER = "Formroom <no-reply@localhost>"


def message(to: str, subject: str, text: str) -> EmailMessage:
    """A plain message; a line break in an address or subject is refused by the library."""
    made = EmailMessage(policy=SMTP)
    made["From"], made["To"], made["Subject"] = SENDER, to, subject
    made.set_content(text)
    return made


def send(mail_url: str, mail: EmailMessage) -> None:
    """Send a message. OSError or SMTPException where the server cannot be reached or refuses it."""
    if mail_url.startswith("console:"):
        sys.stdout.write(f"\n--- mail ---\n{mail.as_string()}--- end of mail ---\n")
        sys.stdout.flush()
    elif mail_url.startswith("file:"):
        _to_file(Path(mail_url.removeprefix("file:")), mail)
    else:
        _to_server(mail_url, mail)


def _to_file(folder: Path, mail: EmailMessage) -> None:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / f"{clock.now():%Y%m%d-%H%M%S-%f}.eml"
    path.write_bytes(mail.as_bytes())
    path.chmod(0o600)


def _to_server(mail_url: str, mail: EmailMessage) -> None:
    url = urlsplit(mail_url)
    host, context = url.hostname or "localhost", ssl.create_default_context()
    if url.scheme == "smtps":
        server: smtplib.SMTP = smtplib.SMTP_SSL(host, url.port or 465, timeout=SECONDS, context=context)
    else:
        server = smtplib.SMTP(host, url.port or 25, timeout=SECONDS)
    with server:
        if url.scheme == "smtp" and url.username:
            server.starttls(context=context)
        if url.username:
            server.login(unquote(url.username), unquote(url.password or ""))
        server.send_message(mail)
