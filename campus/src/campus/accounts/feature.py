"""Accounts, as the composition root takes them."""

from pathlib import Path
from typing import Final

from campus.accounts import pages, people_pages, profile_pages
from campus.accounts.entry import Entry, provide_entry
from campus.accounts.forms import MESSAGES
from campus.accounts.people_pages import Administration, provide_administration
from campus.accounts.profile_pages import ProfileScreen, profile_screen
from campus.accounts.queries import newest_revisions
from campus.accounts.sample_people import load_people
from campus.feature import Feature

ACCOUNTS: Final = Feature(
    name="accounts",
    templates=Path(__file__).parent / "templates",
    routes=(*pages.ROUTES, *profile_pages.ROUTES, *people_pages.ROUTES),
    messages=MESSAGES,
    providers={ProfileScreen: profile_screen, Entry: provide_entry, Administration: provide_administration},
    newest=newest_revisions,
    load_sample=load_people,
)
