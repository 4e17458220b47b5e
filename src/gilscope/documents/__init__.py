"""Every file that gilscope writes, and reads back."""
