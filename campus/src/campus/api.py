"""The site's REST face: the resources of its features under /api.

One job: put them together, and the one rule that all of them share: strangers may read, only members write.
Must not know: any resource.
"""

from collections.abc import Iterable
from typing import Any, Final, TypeAlias

from campus.accounts.viewer import STATE_KEY
from campus.parts import Parts
from veche.resources import Action, Api, Resource
from veche.web import HTTPException, Request

AnyResource: TypeAlias = Resource[Any, Any, Any, Any]
API_VERSION: Final = "1"
STYLE_SHEET: Final = "/static/campus.css"
READING: Final = frozenset({Action.LIST, Action.READ})


async def signed_in_to_write(request: Request, action: Action) -> None:
    """Refuse strangers who want to change something; what a member may do, the operations decide."""
    viewer = request.state.get(STATE_KEY)
    if action not in READING and (viewer is None or not viewer.is_member):
        raise HTTPException(401, "Log in, or send a personal token.", headers={"www-authenticate": "Bearer"})


def open_api(parts: Parts, resources: Iterable[AnyResource], title: str) -> Api:
    """Return the REST face of a site with these resources."""
    return Api(
        list(resources),
        title=title,
        version=API_VERSION,
        translator_for=parts.templates.translator_for,
        session_cookie=parts.cookie.name,
        stylesheet=STYLE_SHEET,
    )
