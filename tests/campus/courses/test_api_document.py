"""The API's document against the running site: what it promises of courses and lessons is kept (schemathesis)."""

from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest
import schemathesis
from schemathesis import Case
from schemathesis.specs.openapi.checks import ignored_auth

from campus.accounts.actions import create_token
from campus.accounts.services import open_identity
from campus.model import Role
from fixtures.campus_site import CHEAP
from fixtures.course_site import make_course
from fixtures.live_forum import LiveSite, live_site
from veche.data import UnitsOfWork
from veche.identity import Passwords

pytestmark = pytest.mark.process


@pytest.fixture(scope="module")
def running_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveSite]:
    folder = tmp_path_factory.mktemp("api")
    with live_site(folder, f"sqlite:///{folder}/site.sqlite", workers=1) as site:
        site.behind(make_course)
        yield site


@pytest.fixture(scope="module")
def token(running_site: LiveSite) -> str:
    """A personal token of an administrator, who may do everything."""
    person = running_site.person("olga", Role.ADMINISTRATOR)

    async def make(units: UnitsOfWork) -> str:
        identity = open_identity(Passwords(CHEAP))
        try:
            return await create_token(units, identity, person.account_id, "a test")
        finally:
            identity.passwords.close()

    return running_site.behind(make)


def test_the_site_keeps_what_its_document_says(running_site: LiveSite, token: str) -> None:
    document = schemathesis.openapi.from_url(f"{running_site.url}/api/openapi.json")
    tried = set()
    for found in document.include(path_regex="^/api/(courses|lessons)").get_all_operations():
        operation = found.ok()  # type: ignore[union-attr]  # a document that cannot be read fails right here
        tried.add(operation.label)

        @hypothesis.given(case=operation.as_strategy())
        @hypothesis.settings(
            max_examples=20, deadline=None, suppress_health_check=list(hypothesis.HealthCheck), derandomize=True
        )
        def keep(case: Case[Any]) -> None:
            # Every call here brings the token; test_api.py shows what happens without.
            case.call_and_validate(headers={"authorization": f"Bearer {token}"}, excluded_checks=[ignored_auth])

        keep()
    assert len(tried) == 10, f"five actions of two resources, and not {tried}"
