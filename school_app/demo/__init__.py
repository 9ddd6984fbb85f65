"""A living school to look at: made anew from the present day, the same for everyone who makes it that day."""
