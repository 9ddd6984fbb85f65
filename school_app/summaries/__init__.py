"""Figures of a school's days, forms and students, counted ahead of whoever asks for them."""
