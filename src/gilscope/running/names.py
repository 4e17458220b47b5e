"""Names that a plan, its launches and their workers share. A worker loads this, and nothing else of a plan."""

#: The group that every run has, whose true ratios are known; its arms are named after it.
CONTROL = "control"
#: The strategy that every group has: the others' speed-ups are over it.
SERIAL = "serial"
