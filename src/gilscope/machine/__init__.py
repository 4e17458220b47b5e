"""Which computer, build and GIL regime this is: the facts that stand in every result."""
