"""The platform's own pages: schools, jobs and health."""
