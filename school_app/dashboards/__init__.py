"""The form master's home page and what other roles see first."""
