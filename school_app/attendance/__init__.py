"""Registers, marks and the attendance facts made from them."""
