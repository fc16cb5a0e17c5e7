"""`python -m veche.language check|update CATALOGUE SOURCE…`: is a catalogue complete; take up new sentences.

One job: arguments → extraction.
"""

import argparse
import sys
from pathlib import Path

from veche.language.extraction import extract, inspect_catalogue, update_catalogue


def main(arguments: list[str]) -> int:
    """Return 0 when the catalogue is complete after what was asked, else 1 after naming what is not."""
    parser = argparse.ArgumentParser(prog="python -m veche.language")
    parser.add_argument("action", choices=("check", "update"))
    parser.add_argument("catalogue", type=Path, help="the .po file, named for its language: locale/ru.po")
    parser.add_argument("source", type=Path, nargs="+", help="folders of .py and template files")
    asked = parser.parse_args(arguments)
    said = extract(asked.source)
    if asked.action == "update":
        update_catalogue(asked.catalogue, asked.catalogue.stem, said)
    findings = inspect_catalogue(asked.catalogue, said)
    sys.stdout.write(f"{findings}\n")
    return 0 if findings.is_complete else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
