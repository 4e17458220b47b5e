"""`gilscope atlas`: a list of calls, each probed in a process of its own, and a row for each."""
