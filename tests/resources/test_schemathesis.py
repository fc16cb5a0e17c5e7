"""The document against the real application: what it promises is kept, what it forbids is refused (schemathesis)."""

from typing import Any, TypeAlias

import hypothesis
import schemathesis
from schemathesis import AuthContext, Case

from resources.notes import TITLES, TOKEN, Notes, create_application

NOTES = Notes(TITLES)
AnyCase: TypeAlias = Case[Any]
SCHEMA = schemathesis.openapi.from_asgi("/api/openapi.json", create_application(NOTES))


@SCHEMA.auth()
class Bearer:
    """Signs every request but those with which schemathesis tries what happens without."""

    def get(self, case: AnyCase, context: AuthContext) -> str:
        return TOKEN

    def set(self, case: AnyCase, data: str, context: AuthContext) -> None:
        case.headers["authorization"] = f"Bearer {data}"


@SCHEMA.parametrize()
@hypothesis.settings(
    max_examples=60, deadline=None, suppress_health_check=list(hypothesis.HealthCheck), derandomize=True
)
def test_the_application_keeps_what_its_document_says(case: AnyCase) -> None:
    case.call_and_validate()


class Sequences(SCHEMA.as_state_machine()):  # type: ignore[misc]  # schemathesis makes the base class from the document
    """Create, read, change, delete and read again, in the orders that the document allows."""

    def setup(self) -> None:
        NOTES.begin_with(TITLES)


TestSequences = Sequences.TestCase
TestSequences.settings = hypothesis.settings(
    max_examples=25,
    stateful_step_count=6,
    deadline=None,
    suppress_health_check=list(hypothesis.HealthCheck),
    derandomize=True,
)
