"""Every sentence of the site is said in every language."""

from pathlib import Path

import pytest

import campus.site
from veche.language.extraction import extract, inspect_catalogue

CAMPUS = Path(campus.site.__file__).parent
SHARED = ("layouts", "templates", "markdown")  # campus/locale holds these; every feature has its own catalogues
PLACES = [
    (CAMPUS / "locale", [CAMPUS / name for name in SHARED]),
    *((feature.templates.parent / "locale", [feature.templates.parent]) for feature in campus.site.FEATURES),
]


@pytest.mark.parametrize(
    ("folder", "sources"), PLACES, ids=lambda value: value.parent.name if isinstance(value, Path) else ""
)
def test_a_russian_reader_meets_no_english_sentence(folder: Path, sources: list[Path]) -> None:
    said = extract(sources)
    findings = inspect_catalogue(folder / "ru.po", said)
    assert findings.is_complete, f"{findings}\nrun: python -m veche.language update {folder / 'ru.po'} …"
