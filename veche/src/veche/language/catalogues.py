"""Message catalogues: `.po` files, compiled in memory when their language is first wanted.

One job: find the languages there are and give each its Translator, once.
Must not know: requests. Who asked for which language is the caller's to say.
"""

import gettext
from collections.abc import Iterable
from io import BytesIO
from pathlib import Path
from typing import Final

from veche.language.translator import Translator

SOURCE_LANGUAGE: Final = "en"  # the msgids are English
OWN_FOLDER: Final = Path(__file__).parent / "locale"  # what Veche itself says: the sentences of veche.changes


class LanguageError(Exception):
    """The base of what this package raises."""


class CatalogueUnreadable(LanguageError):
    """A `.po` file is not one."""


class Catalogues:
    """The catalogues of some folders; a folder holds one `<language>.po` per language, and later folders win."""

    def __init__(self, folders: Iterable[Path]) -> None:
        self._folders = (OWN_FOLDER, *folders)
        self._translators: dict[str, Translator] = {}
        found = {file.stem for folder in self._folders for file in folder.glob("*.po")}
        self.languages: tuple[str, ...] = (SOURCE_LANGUAGE, *sorted(found - {SOURCE_LANGUAGE}))

    def choose(self, *wanted: str | None) -> str:
        """Return the first wanted language that there is, "ru" for "ru-RU" too; else the source language.

        wanted: best first: the account's setting, then what the browser accepts; None and "" are skipped.
        """
        for tag in wanted:
            language = (tag or "").replace("_", "-").lower()
            for candidate in (language, language.partition("-")[0]):
                if candidate in self.languages:
                    return candidate
        return SOURCE_LANGUAGE

    def translator(self, *wanted: str | None) -> Translator:
        """Return the Translator of choose(*wanted)."""
        language = self.choose(*wanted)
        if language not in self._translators:
            self._translators[language] = self._load(language)
        return self._translators[language]

    def _load(self, language: str) -> Translator:
        messages = gettext.NullTranslations()
        for folder in self._folders:
            file = folder / f"{language}.po"
            if file.is_file():
                compiled = compile_po(file)
                compiled.add_fallback(messages)
                messages = compiled
        return Translator(language, messages)


def compile_po(file: Path) -> gettext.GNUTranslations:
    """Return the messages of a `.po` file; fuzzy and untranslated ones are left out, so that English shows."""
    from babel.messages.mofile import write_mo  # 50 ms; a site in English never pays them
    from babel.messages.pofile import PoFileError, read_po

    try:
        with file.open("rb") as source:
            catalogue = read_po(source, abort_invalid=True)
    except (PoFileError, UnicodeDecodeError) as error:
        raise CatalogueUnreadable(f"{file}: {error}; expected a gettext .po file; run `msgfmt -c` on it") from error
    compiled = BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)
