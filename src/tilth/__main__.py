"""`python -m tilth`: the command line by the interpreter at hand."""

from tilth.cli import main

main()
