"""Tracing a call on several threads: who held the GIL when, who waited for it, and who ran without it."""
