"""Closing school years and reopening them: their registers move to the archive and back, and can be read all along."""
