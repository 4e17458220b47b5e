"""Probing a function of the user: what it is, where it runs, and what it does to the GIL."""
