"""`python -m gilscope` is `gilscope`."""

from gilscope.cli import main

if __name__ == "__main__":
    main()
