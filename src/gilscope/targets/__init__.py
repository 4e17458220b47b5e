"""The user's code: what may be named, what it is, and a child where it can do no harm."""
