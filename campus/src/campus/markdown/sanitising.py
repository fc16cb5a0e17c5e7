"""The allow-lists: the only HTML that ever reaches a page from somebody's text (nh3, an HTML5 parser in Rust).

One job: HTML in, HTML out that holds these elements and attributes and nothing else. It is the last gate but one:
links.py after it writes only constants and escaped addresses. Must not know: Markdown.
"""

from functools import cache
from typing import Final

import nh3
from pygments.token import STANDARD_TYPES

from campus.markdown.fenced_divs import FRAMED
from campus.markdown.model import Trust

MEMBER_TAGS: Final = frozenset(
    {
        *("a", "blockquote", "br", "code", "details", "div", "em", "h2", "h3", "h4", "h5", "h6", "hr", "img", "li"),
        *("ol", "p", "pre", "s", "section", "span", "strong", "summary", "sup", "table", "tbody", "td", "th", "thead"),
        *("tr", "ul"),
    }
)
TEACHER_TAGS: Final = MEMBER_TAGS | frozenset(
    {
        *("abbr", "b", "caption", "dd", "del", "dfn", "dl", "dt", "figcaption", "figure", "i", "ins", "kbd", "mark"),
        *("q", "samp", "small", "sub", "u", "var"),
    }
)
# h1 is the page's; a teacher's raw <h1> loses its tag and keeps its words.

ALERTS: Final = frozenset({"note", "tip", "important", "warning", "caution"})
DIV_CLASSES: Final = frozenset({"highlight", "table-scroll"}) | ALERTS | frozenset(" ".join(FRAMED.values()).split())
CLASSES: Final[dict[str, frozenset[str]]] = {
    "a": frozenset({"footnote-backref"}),
    "details": DIV_CLASSES,
    "div": DIV_CLASSES,
    "hr": frozenset({"footnotes-sep"}),
    "li": frozenset({"footnote-item", "task-list-item"}),
    "ol": frozenset({"footnotes-list", "contains-task-list"}),
    "p": frozenset({"callout-title", "code-remark"}),
    "section": frozenset({"footnotes"}),
    "span": frozenset(STANDARD_TYPES.values()) - {""} | {"task", "filename", "caption", "keystroke"},
    "sup": frozenset({"footnote-ref"}),
    "td": frozenset({"align-end", "align-center"}),
    "th": frozenset({"align-end", "align-center"}),
    "ul": frozenset({"contains-task-list"}),
}
ATTRIBUTES: Final[dict[str, frozenset[str]]] = {
    "*": frozenset({"id"}),  # links.py puts the text's prefix before it, so that no element of the page is shadowed
    "a": frozenset({"href", "title"}),
    "abbr": frozenset({"title"}),
    "details": frozenset({"open"}),
    "div": frozenset({"data-language"}),
    "img": frozenset({"src", "alt", "title", "width", "height"}),
    "ol": frozenset({"start"}),
    "span": frozenset({"aria-label"}),
    "td": frozenset({"colspan", "rowspan"}),
    "th": frozenset({"colspan", "rowspan"}),
}
VALUES: Final = {
    "div": {"tabindex": frozenset({"0"})},
    "pre": {"tabindex": frozenset({"0"})},
    "span": {"role": frozenset({"img"})},
}
SCHEMES: Final = frozenset({"http", "https", "mailto"})
TEACHER_SCHEMES: Final = SCHEMES | {"lesson", "asset", "gap"}  # ours, which links.py resolves: none reaches the page


@cache
def _cleaner(trust: Trust) -> nh3.Cleaner:
    teacher = trust is Trust.TEACHER
    tags = TEACHER_TAGS if teacher else MEMBER_TAGS
    return nh3.Cleaner(
        tags=tags,
        attributes={tag: allowed for tag, allowed in ATTRIBUTES.items() if tag == "*" or tag in tags},
        allowed_classes={tag: allowed for tag, allowed in CLASSES.items() if tag in tags},
        tag_attribute_values=VALUES,
        url_schemes=TEACHER_SCHEMES if teacher else SCHEMES,
        link_rel=None,  # links.py: only links that leave the site carry it
    )


def sanitised(html: str, trust: Trust) -> str:
    """Return what may be shown; everything else is dropped, the words of unknown elements stay."""
    return _cleaner(trust).clean(html)
