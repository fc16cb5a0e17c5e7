"""What a template may ask while it is rendered: its reader's language, addresses, the nonce, the token.

One job: the globals of every template, bound to one rendering at a time.
Must not know: files, Jinja's environment.

Rendering is synchronous, so a context variable that is set around it can never be seen by another request; and macros
that are imported without their context still speak the reader's language.
"""

import datetime
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup, escape

from veche.changes import FieldError, Message, sentence
from veche.language import Style, Translator
from veche.web.csrf import csrf_token_for
from veche.web.errors import WrongConfiguration
from veche.web.requests import HTTPConnection


@dataclass(frozen=True, slots=True)
class Rendering:
    """One rendering: in whose language, for which request (a live fragment has none), at what time."""

    translator: Translator
    connection: HTTPConnection | None
    url_for: Callable[..., str]
    now: datetime.datetime


CURRENT: Final[ContextVar[Rendering]] = ContextVar("veche.web.templates.rendering")


@contextmanager
def rendering(one: Rendering) -> Iterator[None]:
    """Make one the current rendering inside the block, which must not await."""
    token = CURRENT.set(one)
    try:
        yield
    finally:
        CURRENT.reset(token)


def say(msgid: str, /, **named: object) -> Markup:
    """Return the sentence of msgid; it may hold HTML of the translators, what is put into it is escaped."""
    return Markup(CURRENT.get().translator.find(msgid)) % _escaped(named)  # noqa: S704  # catalogues are our own source


def say_counted(singular: str, plural: str, n: int, /, **named: object) -> Markup:
    """Return the sentence with the plural form of n."""
    text = CURRENT.get().translator.find_counted(singular, plural, n)
    return Markup(text) % _escaped({"n": n, "num": n, **named})  # noqa: S704  # catalogues are our own source


def _escaped(named: Mapping[str, object]) -> dict[str, Markup]:
    return {name: escape(value) for name, value in named.items()}


def language() -> str:
    """Return the language tag of this rendering, for `<html lang>`."""
    return CURRENT.get().translator.language


def url_for(name: str, /, **parameters: object) -> str:
    """Return the address of the route of that name."""
    return CURRENT.get().url_for(name, **parameters)


def csp_nonce() -> str:
    """Return the nonce of this response's Content-Security-Policy; "" where there is no request or no policy."""
    connection = CURRENT.get().connection
    return "" if connection is None else str(connection.state.get("csp_nonce", ""))


def csrf_field() -> Markup:
    """Return the hidden field that proves the form is ours, "" where the browser proves it by its headers."""
    connection = CURRENT.get().connection
    token = "" if connection is None else csrf_token_for(connection.scope)
    return Markup('<input type="hidden" name="csrf_token" value="{}">').format(token) if token else Markup()


class Sentences:
    """The sentences of error codes, with those that the application adds."""

    def __init__(self, more: Mapping[str, Message]) -> None:
        self._more = more

    def error_sentence(self, error: FieldError) -> str:
        """Return what to tell the reader about one error."""
        return sentence(error, CURRENT.get().translator, self._more)


def number(value: float) -> str:
    """`{{ 1234 | number }}` is 1,234."""
    return CURRENT.get().translator.number(value)


def percent(value: float) -> str:
    """`{{ 0.25 | percent }}` is 25%."""
    return CURRENT.get().translator.percent(value)


def date(day: datetime.date, style: Style = "long") -> Markup:
    """`{{ course.starts | date }}`, in a <time> that machines read."""
    day = day.date() if isinstance(day, datetime.datetime) else day
    return _time(day.isoformat(), CURRENT.get().translator.date(day, style))


def moment(value: datetime.datetime, style: Style = "medium") -> Markup:
    """`{{ message.written | moment }}`: date and time of day in UTC; a script may show the reader's own."""
    value = _in_utc(value)
    return _time(value.isoformat(timespec="seconds"), CURRENT.get().translator.moment(value, style))


def ago(value: datetime.datetime) -> Markup:
    """`{{ message.written | ago }}`: 5 minutes ago, with the moment itself as its title."""
    value = _in_utc(value)
    current = CURRENT.get()
    title = current.translator.moment(value)
    return _time(value.isoformat(timespec="seconds"), current.translator.ago(value, current.now), title)


def _in_utc(value: datetime.datetime) -> datetime.datetime:
    return value.replace(tzinfo=datetime.UTC) if value.tzinfo is None else value.astimezone(datetime.UTC)


def _time(machine: str, shown: str, title: str = "") -> Markup:
    attribute = Markup(' title="{}"').format(title) if title else Markup()
    return Markup('<time datetime="{}"{}>{}</time>').format(machine, attribute, shown)


def no_address(name: str, /, **_parameters: object) -> str:
    """The url_for of templates that were given none: loud, because a fragment with a wrong link is worse."""
    raise WrongConfiguration(
        f"url_for({name!r}) in a template that is rendered without a request; give Templates its url_for"
    )
