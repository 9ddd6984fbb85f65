"""The application for a web server: `granian --interface wsgi wsgi:app`, `flask --app wsgi`."""

from flask.cli import NoAppException

from school_app import create_app
from school_app.config import BadSettings

try:
    app = create_app()
except BadSettings as error:
    # Commands say this as one sentence.
    raise NoAppException(str(error)) from error
