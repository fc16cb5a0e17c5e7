"""The last pass: where links and pictures lead, on HTML that the sanitiser has written.

One job: `lesson:`, `asset:` and `gap:` become addresses or marks, ids get their prefix, foreign links say what they
are. The sanitiser's HTML is canonical (quoted, escaped attributes), so a regular expression sees every tag.
Must not know: Markdown, courses.
"""

import re
from collections.abc import Mapping
from html import escape, unescape
from typing import Final
from urllib.parse import unquote

from campus.markdown.model import Links

TAG: Final = re.compile(r"<(?P<name>[a-z][a-z0-9]*)(?P<attributes>(?: [a-z][a-z-]*=\"[^\"]*\")+)>")
ATTRIBUTE: Final = re.compile(r" ([a-z][a-z-]*)=\"([^\"]*)\"")
FOREIGN: Final = re.compile(r"(?:https?:)?//", re.IGNORECASE)
# ugc and nofollow: a link in a member's text is no recommendation of this site.
FOREIGN_REL: Final = "nofollow ugc noopener"


def resolved(html: str, links: Links, prefix: str, labels: Mapping[str, str]) -> str:
    """Return the HTML with every address final."""

    def finish(match: re.Match[str]) -> str:
        name = match["name"]
        attributes = {key: unescape(value) for key, value in ATTRIBUTE.findall(match["attributes"])}
        if name != "img" and not ("href" in attributes or "id" in attributes):
            return match.group()
        if "id" in attributes:
            attributes["id"] = prefix + attributes["id"]
        if name == "a" and "href" in attributes:
            _finish_link(attributes, links, prefix, labels)
        if name == "img":
            mark = _finish_picture(attributes, links, labels)
            if mark:
                return mark
        written = "".join(f' {key}="{escape(value)}"' for key, value in attributes.items())
        return f"<{name}{written}>"

    return TAG.sub(finish, html)


def _finish_link(attributes: dict[str, str], links: Links, prefix: str, labels: Mapping[str, str]) -> None:
    address = attributes["href"]
    scheme, colon, rest = address.partition(":")
    if address.startswith("#"):
        attributes["href"] = f"#{prefix}{address[1:]}"
    elif FOREIGN.match(address):
        attributes["rel"] = FOREIGN_REL
    elif colon and scheme in {"lesson", "asset", "gap"}:
        del attributes["href"]
        target, _hash, fragment = rest.partition("#")
        path, _question, missing = target.partition("?missing=")
        path = unquote(path)
        found = {"lesson": links.lesson, "asset": links.asset}[scheme](path) if scheme != "gap" else None
        if found is None:
            # A link without an address: the words stay, the reader sees that something was meant to be here.
            attributes["class"] = "gap-link"
            attributes["title"] = labels["missing"].format(target=path)
            return
        attributes["href"] = f"{found}#{prefix}{fragment}" if fragment else found
        if missing:
            attributes["class"] = "gap-section"
            attributes["title"] = labels["missing_section"].format(target=unquote(missing))


def _finish_picture(attributes: dict[str, str], links: Links, labels: Mapping[str, str]) -> str:
    """Complete the attributes; return a mark instead when the picture is not there."""
    source = attributes.get("src", "")
    scheme, colon, path = source.partition(":")
    if colon and scheme in {"lesson", "asset", "gap"}:
        found = links.asset(unquote(path)) if scheme == "asset" else None
        if found is None:
            words = labels["missing_picture"].format(target=unquote(path))
            return f'<span class="gap-picture">{escape(words)}</span>'
        attributes["src"] = found
    attributes.setdefault("alt", "")
    attributes["loading"] = "lazy"
    attributes["decoding"] = "async"
    if FOREIGN.match(source):
        attributes["referrerpolicy"] = "no-referrer"
    return ""
