"""Processes that gilscope starts: how they are started and heard, and that none outlives what it was started for."""
