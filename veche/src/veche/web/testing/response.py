"""What the client got.

One job: status, fields and octets of one answer.
Must not know: how it was asked for.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import msgspec

from veche.http import Headers
from veche.web.testing.html_forms import PageForm, page_forms


@dataclass
class ClientResponse:
    """One whole answer. `path` is where it was found, after redirects; `redirects` are the addresses before it."""

    status_code: int
    headers: Headers
    content: bytes
    path: str
    redirects: tuple[str, ...] = ()

    @cached_property
    def text(self) -> str:
        """The body as UTF-8."""
        return self.content.decode()

    def json(self) -> Any:  # whatever the application sent
        """Return the body decoded from JSON."""
        return msgspec.json.decode(self.content)

    @cached_property
    def forms(self) -> list[PageForm]:
        """The forms of the page in order."""
        return page_forms(self.text)

    def form(self, containing: str = "") -> PageForm:
        """Return the first form that has the text in its action, id or name, or a field of that name."""
        for form in self.forms:
            places = (form.action, form.attributes.get("id", ""), form.attributes.get("name", ""))
            if any(containing in place for place in places) or containing in dict(form.fields):
                return form
        raise AssertionError(f"no form with {containing!r} on {self.path}: {[form.action for form in self.forms]}")
