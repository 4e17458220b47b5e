"""`gilscope run`: kernels under strategies, compared. Workers import parts of this, so it holds a docstring only."""
