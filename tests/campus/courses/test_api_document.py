"""The API's document against the running site: what it promises of courses and lessons is kept (schemathesis)."""

from collections.abc import Iterator, Mapping

import pytest

from campus.model import Role
from fixtures.api_document import keep_what_is_said
from fixtures.course_site import make_course
from fixtures.live_forum import LiveSite, live_site

pytestmark = pytest.mark.process


@pytest.fixture(scope="module")
def running_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveSite]:
    folder = tmp_path_factory.mktemp("api")
    with live_site(folder, f"sqlite:///{folder}/site.sqlite", workers=1) as site:
        site.behind(make_course)
        yield site


@pytest.fixture(scope="module")
def credentials(running_site: LiveSite) -> Mapping[str, str]:
    """The field with a personal token of an administrator, who may do everything."""
    person = running_site.person("olga", Role.ADMINISTRATOR)

    return {"authorization": f"Bearer {running_site.token(person)}"}


def test_the_site_keeps_what_its_document_says(running_site: LiveSite, credentials: Mapping[str, str]) -> None:
    tried = keep_what_is_said(running_site.url, credentials, path_regex="^/api/(courses|lessons)")
    assert len(tried) == 10, f"five actions of two resources, and not {tried}"
