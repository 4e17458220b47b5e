"""What the operating system tells and lets us set. Workers import parts of this, so it holds a docstring only."""
