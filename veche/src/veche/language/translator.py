"""One language: its sentences, its plurals, its dates and numbers.

One job: what stands on a page in a reader's language.
Must not know: where catalogues lie, who reads.
"""

import datetime
from gettext import NullTranslations
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from babel import Locale

Style = Literal["short", "medium", "long", "full"]

# "en" alone is American to Babel: months first, 12 hours. The rest of the world writes English as Britain does.
FORMATS_OF: Final = {"en": "en-GB"}


class Translator:
    """gettext with named parameters, and Babel's formats, for one language.

    A sentence's parameters are `%(name)s`; when any is given, a per cent sign is written `%%`.
    """

    def __init__(self, language: str, messages: NullTranslations) -> None:
        self.language = language
        self._messages = messages
        self._locale_of_language: Locale | None = None

    def gettext(self, msgid: str, /, **named: object) -> str:
        """Return the sentence of msgid in this language, msgid itself where there is none."""
        text = self.find(msgid)
        return text % named if named else text

    def ngettext(self, singular: str, plural: str, n: int, /, **named: object) -> str:
        """Return the sentence with the plural form that n takes in this language; `%(n)s` is n."""
        return self.find_counted(singular, plural, n) % {"n": n, **named}

    def find(self, msgid: str, /) -> str:
        """Return the sentence with its parameters still to be put in, for whoever must escape them."""
        return self._messages.gettext(msgid) if msgid else ""  # "" is the catalogue's own head

    def find_counted(self, singular: str, plural: str, n: int, /) -> str:
        """Return the plural form for n with its parameters still to be put in."""
        return self._messages.ngettext(singular, plural, n)

    def number(self, number: float) -> str:
        """Return a number with this language's separators: 1,234.5 or 1 234,5."""
        from babel.numbers import format_decimal

        return format_decimal(number, locale=self._locale())

    def percent(self, share: float) -> str:
        """Return a share (0.25) in per cent (25%)."""
        from babel.numbers import format_percent

        return format_percent(share, locale=self._locale())

    def date(self, day: datetime.date, style: Style = "long") -> str:
        """Return a day: 30 November 2026 or 30 ноября 2026 г."""
        from babel.dates import format_date

        return format_date(day, format=style, locale=self._locale())

    def moment(self, moment: datetime.datetime, style: Style = "medium", zone: datetime.tzinfo = datetime.UTC) -> str:
        """Return a date with its time of day in zone, to the minute; a moment without a zone is UTC."""
        from babel.dates import format_date, format_time, get_datetime_format

        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=datetime.UTC)
        moment, locale = moment.astimezone(zone), self._locale()
        both = str(get_datetime_format(style, locale=locale)).replace("'", "")
        day = format_date(moment, format=style, locale=locale)
        return both.replace("{1}", day).replace("{0}", format_time(moment, format="short", locale=locale))

    def ago(self, moment: datetime.datetime, now: datetime.datetime) -> str:
        """Return how far moment is from now: 5 minutes ago, через 2 часа."""
        from babel.dates import format_timedelta

        return format_timedelta(moment - now, add_direction=True, locale=self._locale())

    def _locale(self) -> "Locale":
        if self._locale_of_language is None:
            from babel import Locale

            self._locale_of_language = Locale.parse(FORMATS_OF.get(self.language, self.language), sep="-")
        return self._locale_of_language
