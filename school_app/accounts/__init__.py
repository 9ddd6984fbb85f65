"""People who log in: log-in and log-out, passwords, roles, operators entering a school."""
