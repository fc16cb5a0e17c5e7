"""The forms of a page, as a browser would send them.

One job: HTML to the fields that a form begins with.
Must not know: requests.
"""

from dataclasses import dataclass, field
from html.parser import HTMLParser

NOT_SENT = frozenset({"submit", "button", "reset", "image", "file"})


@dataclass(slots=True)
class PageForm:
    """One form: where it goes, how, and its fields with the values that stand in the page."""

    action: str
    method: str
    attributes: dict[str, str]
    fields: list[tuple[str, str]] = field(default_factory=list)

    def filled(self, changes: dict[str, str | list[str]]) -> list[tuple[str, str]]:
        """Return the fields with others in their place; a name that the form has not is added, as a script might."""
        kept = [(name, value) for name, value in self.fields if name not in changes]
        for name, value in changes.items():
            kept += [(name, one) for one in ([value] if isinstance(value, str) else value)]
        return kept


def page_forms(page: str) -> list[PageForm]:
    """Return the forms of a page in order."""
    parser = _FormParser()
    parser.feed(page)
    parser.close()
    return parser.forms


class _FormParser(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[PageForm] = []
        self._form: PageForm | None = None
        self._textarea: tuple[str, list[str]] | None = None
        self._select: tuple[str, bool] | None = None
        self._options: list[tuple[str, bool]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        if tag == "form":
            method = attributes.get("method", "get").upper()
            self._form = PageForm(attributes.get("action", ""), method, attributes)
            self.forms.append(self._form)
        elif self._form is None or "disabled" in attributes:
            return
        elif tag == "input" and attributes.get("name"):
            self._input(self._form, attributes)
        elif tag == "textarea":
            self._textarea = (attributes.get("name", ""), [])
        elif tag == "select":
            self._select = (attributes.get("name", ""), "multiple" in attributes)
            self._options = []
        elif tag == "option" and self._select is not None:
            self._options.append((attributes.get("value", ""), "selected" in attributes))

    @staticmethod
    def _input(form: PageForm, attributes: dict[str, str]) -> None:
        kind = attributes.get("type", "text")
        if kind in NOT_SENT or (kind in ("checkbox", "radio") and "checked" not in attributes):
            return
        form.fields.append((attributes["name"], attributes.get("value", "on" if kind == "checkbox" else "")))

    def handle_data(self, data: str) -> None:
        if self._textarea is not None:
            self._textarea[1].append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None
        elif tag == "textarea" and self._textarea is not None and self._form is not None:
            name, pieces = self._textarea
            # One line break at the beginning belongs to the markup (HTML §13.1.2.5).
            self._form.fields.append((name, "".join(pieces).removeprefix("\n")))
            self._textarea = None
        elif tag == "select" and self._select is not None and self._form is not None:
            name, multiple = self._select
            chosen = [value for value, selected in self._options if selected]
            if not chosen and not multiple:
                chosen = [value for value, _selected in self._options[:1]]
            self._form.fields += [(name, value) for value in chosen]
            self._select = None
