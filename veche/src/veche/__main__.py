"""`python -m veche` is `veche`."""

from veche.cli import main

main()
