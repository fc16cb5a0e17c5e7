"""The entry point `campus`.

One job: hand over to the commands. click is imported here only when a command line is really read.
Must not know: what the commands do.
"""


def main() -> None:
    """Run the command line of this process; never returns."""
    from campus.cli.commands import campus

    campus(prog_name="campus")
