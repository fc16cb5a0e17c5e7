"""The `campus` command."""

from campus.cli.main import main

__all__ = ["main"]
