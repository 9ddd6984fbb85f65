"""The application for a web server: `granian --interface wsgi wsgi:app`, `flask --app wsgi`."""

from school_app import create_app

app = create_app()
