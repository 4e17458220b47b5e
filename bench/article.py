"""The article's exercise: threads and processes against using neither. The same as `gilscope experiment article`."""

import sys

from gilscope.cli import main

main(["experiment", "article", *sys.argv[1:]])
