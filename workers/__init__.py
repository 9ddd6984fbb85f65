"""The processes beside the web: job workers and the scheduler.

They stand above school_app, which never imports them.
"""
