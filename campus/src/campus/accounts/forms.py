"""What people type about accounts, and the sentences that answer it.

One job: form types, the checks that no type can say, and this feature's own error codes.
Must not know: the database, requests, pages.
"""

from collections.abc import Callable, Mapping
from typing import Annotated, Final, TypeVar

import msgspec
from msgspec import Meta

from campus.accounts.actions import NewAccount
from campus.accounts.administration import MAX_INVITATION_USES
from campus.model import MAX_ABOUT, Role
from campus.settings import Language, Registration
from veche.changes import N_, NN_, UNTRIMMED, Message
from veche.identity import (
    NameKind,
    NameRefused,
    PasswordRefused,
    forbidden_characters,
    list_characters,
    parse_account_name,
    parse_password,
    parse_person_name,
)
from veche.web.forms import Form

MAX_TYPED: Final = 1024  # names have their own limits, which count after normalisation

AccountNameText = Annotated[str, Meta(max_length=MAX_TYPED)]
PersonNameText = Annotated[str, Meta(max_length=MAX_TYPED)]
PasswordText = Annotated[str, Meta(max_length=MAX_TYPED, extra=UNTRIMMED)]

MESSAGES: Final[Mapping[str, Message]] = {
    "mixed_scripts": Message(
        N_("Letters of several scripts (%(scripts)s) stand in one name, where they could be mistaken. Use one script.")
    ),
    "punctuation": Message(
        N_("A name begins and ends with a letter or digit, and has no two of “.”, “-” and “_” side by side.")
    ),
    "name_taken": Message(N_("Someone has this name already, or one that looks like it. Choose another.")),
    "same_as_name": Message(N_("The password must not be the account name.")),
    "too_simple": Message(
        N_("This password would be guessed at once. Take several words that do not belong together.")
    ),
    "wrong_credentials": Message(N_("There is no account with this name and this password.")),
    "wrong_password": Message(N_("This is not your present password.")),
    "too_many_attempts": NN_(
        "Too many attempts. Try again in %(minutes)s minute.",
        "Too many attempts. Try again in %(minutes)s minutes.",
        "minutes",
    ),
    "busy": NN_(
        "Very many people are logging in just now. Try again in %(seconds)s second.",
        "Very many people are logging in just now. Try again in %(seconds)s seconds.",
        "seconds",
    ),
    "suspended": Message(N_("An administrator has suspended this account.")),
    "too_many_tokens": NN_(
        "You have %(limit)s token already. Revoke it first.",
        "You have %(limit)s tokens already. Revoke one first.",
        "limit",
    ),
}


class RegistrationForm(msgspec.Struct):
    """A new account."""

    first_name: PersonNameText
    account_name: AccountNameText
    password: PasswordText
    last_name: PersonNameText = ""


class LoginForm(msgspec.Struct):
    """A name, a password, and where to go afterwards."""

    account_name: AccountNameText
    password: PasswordText
    next: Annotated[str, Meta(max_length=2000)] = ""


class ProfileForm(msgspec.Struct):
    """What other people see."""

    first_name: PersonNameText
    last_name: PersonNameText = ""
    about: Annotated[str, Meta(max_length=MAX_ABOUT)] = ""


class PasswordForm(msgspec.Struct):
    """A new password, and the old one as proof."""

    old_password: PasswordText
    new_password: PasswordText


class NewPasswordForm(msgspec.Struct):
    """A new password; the link it came with is the proof."""

    new_password: PasswordText


class LanguageForm(msgspec.Struct):
    """The language to be spoken to in; blank leaves it to the browser."""

    language: Language | None = None


class TokenForm(msgspec.Struct):
    """What a personal token is for."""

    token_name: Annotated[str, Meta(min_length=1, max_length=80)]


class RoleForm(msgspec.Struct):
    """A role to appoint somebody to."""

    role: Role


class RegistrationModeForm(msgspec.Struct):
    """Who may register."""

    registration: Registration


class InvitationForm(msgspec.Struct):
    """How many people one invitation lets in."""

    uses: Annotated[int, Meta(ge=1, le=MAX_INVITATION_USES)] = 1


T = TypeVar("T", bound=msgspec.Struct)
R = TypeVar("R")


def read_registration(form: Form[RegistrationForm]) -> tuple[Form[RegistrationForm], NewAccount | None]:
    """Return the new account, or the form with every error of every field at once."""
    form, first_name = _parse(form, "first_name", parse_person_name)
    form, last_name = _parse(form, "last_name", _parse_optional_name)
    form, name = _parse(form, "account_name", parse_account_name)
    typed_name = str(_given(form, "account_name") or "")
    form, password = _parse(form, "password", lambda text: parse_password(text, account_name=typed_name))
    if form.errors or first_name is None or name is None or password is None:
        return form, None
    return form, NewAccount(name=name, password=password, first_name=first_name, last_name=last_name or "")


def refuse_forbidden_name(form: Form[LoginForm]) -> Form[LoginForm]:
    """Return the form with the characters named that no account name holds: such a name was mistyped, not unknown."""
    typed = str(_given(form, "account_name") or "").strip()
    if characters := forbidden_characters(typed, NameKind.ACCOUNT):
        return form.with_error("account_name", "forbidden_characters", characters=list_characters(characters))
    return form


def read_profile(form: Form[ProfileForm]) -> tuple[Form[ProfileForm], ProfileForm | None]:
    """Return the profile with its names tidied, or the form with every error."""
    form, first_name = _parse(form, "first_name", parse_person_name)
    form, last_name = _parse(form, "last_name", _parse_optional_name)
    if form.errors or form.value is None or first_name is None:
        return form, None
    return form, ProfileForm(first_name=first_name, last_name=last_name or "", about=form.value.about)


def read_new_password(form: Form[T], account_name: str) -> tuple[Form[T], str | None]:
    """Return the new password, or the form with what is wrong with it."""
    return _parse(form, "new_password", lambda text: parse_password(text, account_name=account_name))


def _parse_optional_name(text: str) -> str:
    return parse_person_name(text) if text.strip() else ""  # many people have one name


def _given(form: Form[T], name: str) -> object:
    """Return what converted in this field; None when it was not sent or has an error already."""
    if form.changes is None:
        return None
    if form.changes.value is not None:
        return getattr(form.changes.value, name)  # the names are written out in this module, once each
    return form.changes.converted.get(name)


def _parse(form: Form[T], name: str, parse: Callable[[str], R]) -> tuple[Form[T], R | None]:
    """Return what parse makes of the field, or the form with its refusal beside the field."""
    text = _given(form, name)
    if not isinstance(text, str):
        return form, None
    try:
        return form, parse(text)
    except (NameRefused, PasswordRefused) as error:
        return form.with_error(name, error.code, **error.parameters), None
