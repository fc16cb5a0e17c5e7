"""Dates and numbers as CLDR has them."""

import datetime

import pytest

from veche.language import Catalogues, Translator

MOMENT = datetime.datetime(2026, 11, 30, 18, 5, tzinfo=datetime.UTC)


@pytest.fixture(params=["en", "ru"])
def translator(request: pytest.FixtureRequest) -> Translator:
    return Catalogues([]).translator(request.param)


def _shown(text: str) -> str:
    return text.replace("\xa0", " ").replace("\u202f", " ")  # CLDR changes its kinds of space between versions


def test_numbers_have_the_separators_of_the_language(translator: Translator) -> None:
    assert _shown(translator.number(1234.5)) == {"en": "1,234.5", "ru": "1 234,5"}[translator.language]
    assert _shown(translator.percent(0.25)) == {"en": "25%", "ru": "25 %"}[translator.language]


def test_a_day_is_written_as_the_language_writes_it(translator: Translator) -> None:
    expected = {"en": "30 November 2026", "ru": "30 ноября 2026 г."}
    assert _shown(translator.date(MOMENT.date())) == expected[translator.language]


def test_a_moment_is_shown_in_the_reader_s_zone(translator: Translator) -> None:
    moscow = datetime.timezone(datetime.timedelta(hours=3))
    assert "21:05" in translator.moment(MOMENT, zone=moscow)


def test_a_moment_without_zone_is_utc(translator: Translator) -> None:
    assert translator.moment(MOMENT.replace(tzinfo=None)) == translator.moment(MOMENT)


def test_how_long_ago_has_the_right_plural(translator: Translator) -> None:
    earlier = MOMENT - datetime.timedelta(minutes=5)
    assert translator.ago(earlier, MOMENT) == {"en": "5 minutes ago", "ru": "5 минут назад"}[translator.language]
    assert translator.ago(MOMENT, earlier) == {"en": "in 5 minutes", "ru": "через 5 минут"}[translator.language]
