"""Assessments, results and the course-performance facts made from them."""
