"""`python -m campus`: the command line, also where no script was installed."""

from campus.cli import main

main()
