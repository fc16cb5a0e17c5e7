"""Which sentences the sources say, and which of them a catalogue lacks.

One job: sources → msgids → what is missing, stale or wrong in a `.po` file.
Must not know: running sites. Only tests and `python -m veche.language` come here.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final

if TYPE_CHECKING:
    from babel.messages.catalog import Catalog

# N_ and NN_ mark sentences that are said elsewhere (veche/changes/messages.py); the numbers are their arguments.
KEYWORDS: Final[Mapping[str, tuple[int, ...] | None]] = {
    "_": None,
    "gettext": None,
    "ngettext": (1, 2),
    "N_": None,
    "NN_": (1, 2),
}
PLACEHOLDER: Final = re.compile(r"%(?:%|\((\w+)\)[sd])")


@dataclass(frozen=True, slots=True)
class Findings:
    """What is wrong with a catalogue; each line names the sentence, and its place where it has one."""

    missing: tuple[str, ...]
    stale: tuple[str, ...]
    wrong: tuple[str, ...]

    @property
    def is_complete(self) -> bool:
        return not (self.missing or self.stale or self.wrong)

    def __str__(self) -> str:
        parts = (("not translated", self.missing), ("no longer said", self.stale), ("wrong", self.wrong))
        return "\n".join(f"{title}: {line}" for title, lines in parts for line in lines) or "complete"


def extract(sources: Iterable[Path]) -> "Catalog":
    """Return a catalogue without translations of all that the `.py` and template files under sources say."""
    from babel.messages.catalog import Catalog

    catalogue = Catalog()
    for root in sources:
        for file in sorted(root.rglob("*")):
            if file.suffix not in METHODS:
                continue
            place = file.relative_to(root.parent).as_posix()
            for line, msgid, comments in _sentences(file):
                catalogue.add(msgid, locations=[(place, line)], auto_comments=comments)
    return catalogue


def _sentences(file: Path) -> Iterator[tuple[int, str | tuple[str, ...], list[str]]]:
    from babel.messages.extract import extract as babel_extract

    with file.open("rb") as source:
        found = babel_extract(
            METHODS[file.suffix], source, keywords=KEYWORDS, comment_tags=("translators:",), strip_comment_tags=True
        )
        for line, msgid, comments, _context in found:
            yield line, msgid, list(comments)


def _extract_template(
    source: BinaryIO, keywords: Mapping[str, Any], tags: Any, options: Mapping[str, Any]
) -> Iterator[Any]:
    from jinja2.ext import babel_extract

    # silent=false: a template that cannot be read must fail here, not lose its sentences.
    yield from babel_extract(source, list(keywords), list(tags), {**options, "silent": "false"})


METHODS: Final[Mapping[str, Any]] = {".py": "python", ".html": _extract_template, ".txt": _extract_template}


def inspect_catalogue(file: Path, said: "Catalog") -> Findings:
    """Return what the `.po` file lacks of the sentences said, what it has beyond them, and what it says wrongly."""
    from babel.messages.pofile import read_po

    with file.open("rb") as source:
        catalogue = read_po(source, abort_invalid=True)
    missing, wrong = [], []
    for message in said:
        if not message.id:
            continue
        known = catalogue.get(message.id)
        place = f"{message.locations[0][0]}:{message.locations[0][1]}"
        translated = () if known is None or known.fuzzy else _forms(known.string or "")
        if not translated or not all(translated):
            missing.append(f"{place}: {_first(message.id)!r}")
        elif isinstance(message.id, tuple) and len(translated) != catalogue.num_plurals:
            wrong.append(f"{place}: {_first(message.id)!r} needs {catalogue.num_plurals} plural forms")
        elif strangers := _placeholders(translated) - _placeholders(message.id):
            wrong.append(f"{place}: {_first(message.id)!r} has no parameter {sorted(strangers)}")
    stale = [repr(_first(known.id)) for known in catalogue if known.id and said.get(known.id) is None]
    return Findings(tuple(missing), tuple(stale), tuple(wrong))


def update_catalogue(file: Path, language: str, said: "Catalog") -> None:
    """Write the `.po` file anew: sentences said now, translations kept, nothing guessed, stale ones left out."""
    from babel.messages.catalog import Catalog
    from babel.messages.pofile import read_po, write_po

    catalogue = Catalog(locale=language, fuzzy=False, header_comment=f"# {language}: kept by python -m veche.language")
    if file.is_file():
        with file.open("rb") as source:
            catalogue = read_po(source, locale=language)
    # Babel writes placeholders such as "FIRST AUTHOR <EMAIL@ADDRESS>" where nothing is said.
    catalogue.project, catalogue.version = "Veche and Campus", "1"
    catalogue.last_translator = catalogue.language_team = catalogue.msgid_bugs_address = "the project"
    catalogue.revision_date = catalogue.creation_date
    catalogue.update(said, no_fuzzy_matching=True, update_creation_date=False)
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("wb") as target:
        write_po(target, catalogue, width=110, ignore_obsolete=True, sort_output=True, include_lineno=False)


def _forms(text: str | list[str] | tuple[str, ...]) -> tuple[str, ...]:
    return (text,) if isinstance(text, str) else tuple(text)


def _first(msgid: str | list[str] | tuple[str, ...]) -> str:
    return _forms(msgid)[0]


def _placeholders(text: str | list[str] | tuple[str, ...]) -> set[str]:
    return {name for form in _forms(text) for name in PLACEHOLDER.findall(form) if name}
