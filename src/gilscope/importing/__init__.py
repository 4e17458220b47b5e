"""What importing a module does to a process: `gilscope doctor --imports`."""
