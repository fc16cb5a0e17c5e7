"""A member's own page, and what others see of a member.

One job: show and change one's own profile, password, language, tokens and sessions; show a member to others.
Must not know: SQL; what other features add to a member's page (they hand in profile sections).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from campus.accounts.actions import (
    change_password,
    choose_language,
    create_token,
    edit_profile,
    end_other_sessions,
    end_session,
    revoke_token,
)
from campus.accounts.browsers import describe_browser
from campus.accounts.entry import Entry, same_site_address
from campus.accounts.errors import TooManyTokens
from campus.accounts.forms import (
    LanguageForm,
    PasswordForm,
    ProfileForm,
    TokenForm,
    read_new_password,
    read_profile,
)
from campus.accounts.queries import find_account, find_member_by_name, find_membership
from campus.accounts.services import Identity
from campus.accounts.viewer import LANGUAGE_COOKIE, Member, Viewer, require_session
from campus.feature import ProfileSection
from campus.markdown import render as render_markdown
from campus.screen import Screen
from veche.data import Reader, UnitsOfWork
from veche.web import HTTPException, RedirectResponse, Response, Route
from veche.web.forms import Form

A_YEAR: Final = timedelta(days=365)


@dataclass(frozen=True)
class ProfileSections:
    """What the features add to a member's page, in the order in which the site lists them."""

    sections: Sequence[ProfileSection]

    async def load(self, reader: Reader, viewer: Viewer, account_id: int) -> list[tuple[str, Mapping[str, object]]]:
        """Return the template and the context of each section that has something to show."""
        loaded = []
        for section in self.sections:
            context = await section.load(reader, viewer, account_id)
            if context is not None:
                loaded.append((section.template, context))
        return loaded


class ProfileScreen:
    """The profile page with any of its forms as they came back; the others as they are stored."""

    def __init__(
        self, screen: Screen, viewer: Member, reader: Reader, identity: Identity, sections: ProfileSections
    ) -> None:
        self._screen = screen
        self._viewer = viewer
        self._reader = reader
        self._identity = identity
        self._sections = sections

    async def render(
        self,
        *,
        profile: Form[ProfileForm] | None = None,
        password: Form[PasswordForm] | None = None,
        token: Form[TokenForm] | None = None,
        new_token: str = "",
        status_code: int = 200,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """Return the page; status_code and headers are those of a form that came back."""
        viewer, reader = self._viewer, self._reader
        member = await find_membership(reader, viewer.community_id, viewer.account_id)
        return await self._screen.render(
            "accounts/profile.html",
            member=member,
            profile_form=profile or Form.empty(ProfileForm, member),
            password_form=password or Form.empty(PasswordForm),
            language_form=Form.empty(LanguageForm, {"language": viewer.language}),
            token_form=token or Form.empty(TokenForm),
            new_token=new_token,
            tokens=await self._identity.tokens.of_account(reader, viewer.account_id),
            sessions=[
                (session, describe_browser(session.user_agent))
                for session in await self._identity.sessions.of_account(reader, viewer.account_id, self._identity.now())
            ],
            sections=await self._sections.load(reader, viewer, viewer.account_id),
            status_code=status_code,
            headers={"cache-control": "no-store"} if new_token else headers,
        )


async def profile_screen(
    screen: Screen, viewer: Member, reader: Reader, identity: Identity, sections: ProfileSections
) -> ProfileScreen:
    """Provide the profile page to the handlers below."""
    return ProfileScreen(screen, viewer, reader, identity, sections)


async def profile_page(page: ProfileScreen) -> Response:
    """One's own page."""
    return await page.render()


async def send_profile(page: ProfileScreen, viewer: Member, form: Form[ProfileForm], units: UnitsOfWork) -> Response:
    """Change what others see."""
    form, profile = read_profile(form)
    if profile is None:
        return await page.render(profile=form, status_code=422)
    await edit_profile(
        units,
        viewer.community_id,
        viewer.account_id,
        first_name=profile.first_name,
        last_name=profile.last_name,
        about=profile.about,
    )
    return RedirectResponse("/profile")


async def send_password(page: ProfileScreen, viewer: Member, form: Form[PasswordForm], entry: Entry) -> Response:
    """Change the password; every other session ends."""
    require_session(viewer)
    account = await find_account(entry.units.reader, viewer.account_id)
    assert account is not None, "a session has a foreign key to its account"
    form, new = read_new_password(form, account.name)
    if new is None or form.value is None:
        return await page.render(password=form, status_code=422)
    old = form.value.old_password
    work = change_password(entry.units, entry.identity, entry.visit, account, old=old, new=new)
    result = await entry.attempt(form, work, wrong=("old_password", "wrong_password"))
    if result.secret:
        return entry.admit(result.secret, "/profile")
    return await page.render(password=result.form, status_code=result.status_code, headers=result.headers)


async def send_language(viewer: Viewer, form: Form[LanguageForm], entry: Entry, next: str = "/") -> Response:
    """Choose the language: a member's is kept with the profile, a stranger's in a cookie."""
    if form.value is None:
        raise HTTPException(422, "The site does not speak this language.")
    language = form.value.language
    if isinstance(viewer, Member):
        await choose_language(entry.units, viewer.community_id, viewer.account_id, language)
    response = RedirectResponse(same_site_address(next))
    secure = entry.cookie.is_secure(entry.request)
    if language is None:
        response.delete_cookie(LANGUAGE_COOKIE, secure=secure)
    else:
        seconds = round(A_YEAR.total_seconds())
        response.set_cookie(LANGUAGE_COOKIE, language, max_age_seconds=seconds, secure=secure)
    return response


async def send_token(
    page: ProfileScreen, viewer: Member, form: Form[TokenForm], units: UnitsOfWork, identity: Identity
) -> Response:
    """Make a personal token and show it, this once."""
    require_session(viewer)
    if form.value is None:
        return await page.render(token=form, status_code=422)
    try:
        secret = await create_token(units, identity, viewer.account_id, form.value.token_name)
    except TooManyTokens as error:
        return await page.render(token=form.with_error("", "too_many_tokens", limit=error.limit), status_code=422)
    return await page.render(new_token=secret)


async def send_revocation(viewer: Member, token_id: int, units: UnitsOfWork, identity: Identity) -> Response:
    """Revoke one of one's own tokens."""
    require_session(viewer)
    if not await revoke_token(units, identity, viewer.account_id, token_id):
        raise HTTPException(404, "You have no such token.")
    return RedirectResponse("/profile#tokens")


async def send_session_end(viewer: Member, session_id: int, units: UnitsOfWork, identity: Identity) -> Response:
    """End one of one's own sessions."""
    require_session(viewer)
    if not await end_session(units, identity, viewer.account_id, session_id):
        raise HTTPException(404, "You have no such session.")
    return RedirectResponse("/profile#sessions")


async def send_other_sessions_end(viewer: Member, units: UnitsOfWork, identity: Identity) -> Response:
    """End every session but this one."""
    require_session(viewer)
    await end_other_sessions(units, identity, viewer.account_id, viewer.session_id)
    return RedirectResponse("/profile#sessions")


async def member_page(
    screen: Screen, viewer: Viewer, reader: Reader, sections: ProfileSections, account_name: str
) -> Response:
    """What everybody sees of a member."""
    member = await find_member_by_name(reader, viewer.community_id, account_name)
    if member is None:
        raise HTTPException(404, "There is no such member.")
    if member.account_name != account_name:  # one page, one address
        return RedirectResponse(f"/members/{member.account_name}", 301)
    about = render_markdown(member.about, anchor_prefix="about-")
    return await screen.render(
        "accounts/member.html",
        member=member,
        about=about.html,
        sections=await sections.load(reader, viewer, member.account_id),
    )


ROUTES: Final = (
    Route("/profile", profile_page, methods=("GET",), name="profile"),
    Route("/profile", send_profile, methods=("POST",)),
    Route("/profile/password", send_password, methods=("POST",), name="change_password"),
    Route("/profile/tokens", send_token, methods=("POST",), name="create_token"),
    Route("/profile/tokens/{token_id:int}/revoke", send_revocation, methods=("POST",), name="revoke_token"),
    Route("/profile/sessions/{session_id:int}/end", send_session_end, methods=("POST",), name="end_session"),
    Route("/profile/sessions/end-others", send_other_sessions_end, methods=("POST",), name="end_other_sessions"),
    Route("/language", send_language, methods=("POST",), name="language"),
    Route("/members/{account_name}", member_page, methods=("GET",), name="member"),
)
