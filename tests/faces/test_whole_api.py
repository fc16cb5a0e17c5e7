"""The whole API on PostgreSQL and two workers: all that its document promises is kept, by session and by token."""

from collections.abc import Iterator, Mapping
from typing import Any

import hypothesis
import pytest
import schemathesis
from schemathesis import Case
from schemathesis.generation.stateful import run_state_machine_as_test
from schemathesis.specs.openapi.checks import ignored_auth

from campus.accounts.actions import create_token
from campus.accounts.services import open_identity
from campus.model import Role
from fixtures.campus_site import CHEAP
from fixtures.course_site import make_course
from fixtures.databases import PostgresCluster
from fixtures.live_forum import LiveSite, live_site
from veche.data import UnitsOfWork
from veche.identity import Passwords

pytestmark = [pytest.mark.postgres, pytest.mark.process]

RESOURCES = ("courses", "lessons", "threads", "messages")
CHECKS: Mapping[str, Any] = {"max_examples": 12, "deadline": None, "derandomize": True}
NO_HEALTH_CHECK = list(hypothesis.HealthCheck)


@pytest.fixture(scope="module")
def site(postgres_cluster: PostgresCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveSite]:
    name = postgres_cluster.create_database()
    with live_site(tmp_path_factory.mktemp("api"), postgres_cluster.url(name)) as site:
        site.behind(make_course)
        yield site
    postgres_cluster.drop_database(name)


@pytest.fixture(scope="module", params=["session", "token"])
def credentials(request: pytest.FixtureRequest, site: LiveSite) -> Mapping[str, str]:
    """The fields with which an administrator asks, from one of our pages or from a program of theirs."""
    person = site.person("olga", Role.ADMINISTRATOR)
    site.start_thread(person, "Rye", messages=3)
    if request.param == "session":
        cookie = person.cookie(site.url)
        return {"cookie": f"{cookie['name']}={cookie['value']}", "origin": site.url}

    async def make(units: UnitsOfWork) -> str:
        identity = open_identity(Passwords(CHEAP))
        try:
            return await create_token(units, identity, person.account_id, "a test")
        finally:
            identity.passwords.close()

    return {"authorization": f"Bearer {site.behind(make)}"}


def test_every_operation_keeps_what_the_document_says(site: LiveSite, credentials: Mapping[str, str]) -> None:
    document = schemathesis.openapi.from_url(f"{site.url}/api/openapi.json")
    tried = set()
    for found in document.get_all_operations():
        operation = found.ok()  # type: ignore[union-attr]  # a document that cannot be read fails right here
        tried.add(operation.label)

        @hypothesis.given(case=operation.as_strategy())
        @hypothesis.settings(**CHECKS, suppress_health_check=NO_HEALTH_CHECK)
        def keep(case: Case[Any]) -> None:
            # Every call brings the credentials; what happens without is shown in tests/campus.
            case.call_and_validate(headers=dict(credentials), excluded_checks=[ignored_auth])

        keep()
    assert {label.split("/")[2] for label in tried} == set(RESOURCES)
    assert len(tried) == 5 * len(RESOURCES), tried


def test_sequences_of_operations_keep_it_too(site: LiveSite, credentials: Mapping[str, str]) -> None:
    document = schemathesis.openapi.from_url(f"{site.url}/api/openapi.json")

    class Sequences(document.as_state_machine()):  # type: ignore[misc]  # schemathesis makes the base class from the document
        def get_call_kwargs(self, _case: Case[Any]) -> dict[str, Any]:
            return {"headers": dict(credentials)}

        def validate_response(self, response: Any, case: Case[Any], **options: Any) -> None:
            case.validate_response(response, excluded_checks=[ignored_auth])

    run_state_machine_as_test(
        Sequences,
        settings=hypothesis.settings(**CHECKS, stateful_step_count=6, suppress_health_check=NO_HEALTH_CHECK),
    )


def test_nothing_that_was_sent_was_a_server_error(site: LiveSite) -> None:
    assert "server error" not in site.server.log_text(), site.server.log_text()
