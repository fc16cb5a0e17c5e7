"""The entry point `veche`.

One job: hand over to the commands.
Must not know: what they do. click is imported here only when a command line is really read.
"""


def main() -> None:
    """Run the command line of this process; never returns."""
    from veche.cli.commands import veche

    veche(prog_name="veche")
