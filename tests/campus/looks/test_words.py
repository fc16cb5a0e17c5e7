"""One English sentence is one Russian sentence, whichever feature says it."""

from pathlib import Path

from babel.messages import pofile

import campus.site


def test_catalogues_do_not_contradict_each_other() -> None:
    # All catalogues are one when the site runs: of two translations the later would win everywhere.
    folders = [campus.site.HERE / "locale", *(one.templates.parent / "locale" for one in campus.site.FEATURES)]
    said: dict[object, tuple[object, Path]] = {}
    contradictions = []
    for folder in folders:
        with (folder / "ru.po").open("rb") as file:
            for message in pofile.read_po(file, locale="ru"):
                words, where = said.setdefault(message.id, (message.string, folder))
                if message.id and words != message.string:
                    contradictions.append(f"{message.id!r}: {words!r} in {where}, {message.string!r} in {folder}")
    assert not contradictions, "\n".join(contradictions)
