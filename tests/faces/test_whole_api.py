"""The whole API on PostgreSQL and two workers: all that its document promises is kept, by session and by token."""

from collections.abc import Iterator, Mapping
from typing import Any

import hypothesis
import pytest
import schemathesis
from schemathesis import Case
from schemathesis.generation.stateful import run_state_machine_as_test
from schemathesis.specs.openapi.checks import ignored_auth

from campus.model import Role
from fixtures.api_document import keep_what_is_said
from fixtures.course_site import make_course
from fixtures.databases import PostgresCluster
from fixtures.live_forum import LiveSite, live_site

pytestmark = [pytest.mark.postgres, pytest.mark.process]

RESOURCES = ("courses", "lessons", "threads", "messages")
MAX_EXAMPLES = 12


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

    return {"authorization": f"Bearer {site.token(person)}"}


def test_every_operation_keeps_what_the_document_says(site: LiveSite, credentials: Mapping[str, str]) -> None:
    tried = keep_what_is_said(site.url, credentials, max_examples=MAX_EXAMPLES)
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
        settings=hypothesis.settings(
            max_examples=MAX_EXAMPLES,
            deadline=None,
            derandomize=True,
            stateful_step_count=6,
            suppress_health_check=list(hypothesis.HealthCheck),
        ),
    )


def test_nothing_that_was_sent_was_a_server_error(site: LiveSite) -> None:
    assert "server error" not in site.server.log_text(), site.server.log_text()
