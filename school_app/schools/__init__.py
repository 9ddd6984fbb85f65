"""Schools, years, terms, calendars, year groups, forms and who answers for them."""
