"""Markdown to tokens: CommonMark with tables, strikethrough, bare links, task lists, alerts, footnotes, fenced divs.

One job: one parser for each degree of trust, and what its tokens say (headings, words).
Must not know: sanitising, where links lead.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from html import escape
from itertools import pairwise
from typing import Any, Final

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import OptionsDict
from mdit_py_plugins.footnote import footnote_plugin
from mdit_py_plugins.gfm_autolink import gfm_autolink_plugin

from campus.markdown.anchors import EXPLICIT, AnchorNames
from campus.markdown.fenced_divs import FRAMED, MEMBER_KINDS, fenced_divs, give_titles
from campus.markdown.highlighting import highlighted
from campus.markdown.model import Heading, Trust

FIRST_LEVEL: Final = 2  # h1 is the page's own title
SUMMARY_CHARACTERS: Final = 180
ABSOLUTE: Final = re.compile(r"(?:[a-z][a-z0-9+.-]*:)?//", re.IGNORECASE)

# markdown-it types its environment as a mutable mapping of anything; ours holds the labels.
Environment = dict[str, Any]


@cache
def parser_for(trust: Trust) -> MarkdownIt:
    """Parsers are expensive to build and hold no state between texts."""
    teacher = trust is Trust.TEACHER
    parser = MarkdownIt("commonmark", {"html": teacher, "tasklists": True, "alerts": True})
    parser.enable(["table", "strikethrough"])
    parser.use(gfm_autolink_plugin).use(footnote_plugin, inline=False)
    parser.use(fenced_divs, kinds=frozenset(FRAMED) if teacher else MEMBER_KINDS)
    parser.add_render_rule("fence", _render_code)
    parser.add_render_rule("code_block", _render_code)
    parser.add_render_rule("list_item_open", _render_list_item)
    parser.add_render_rule("table_open", _render_table_open)
    parser.add_render_rule("table_close", _render_table_close)
    return parser


def parse(text: str, trust: Trust, labels: Mapping[str, str]) -> tuple[list[Token], Environment]:
    """Return the tokens, titled and with headings arranged, and the environment that rendering needs."""
    environment: Environment = {"labels": labels}
    tokens = give_titles(parser_for(trust).parse(text, environment), labels)
    _word_alerts(tokens, labels)
    _class_aligned_cells(tokens)
    if trust is Trust.MEMBER:
        _unfetch_foreign_pictures(tokens, labels)
    return tokens, environment


def arrange_headings(tokens: Sequence[Token]) -> tuple[Heading, ...]:
    """Give each heading its anchor and a level that skips none (an outline that jumps is lost on a screen reader)."""
    names = AnchorNames()
    above: list[int] = []
    headings: list[Heading] = []
    for number, token in enumerate(tokens):
        titles_a_block = token.type == "callout_title_open" and token.meta.get("heading")
        if token.type != "heading_open" and not titles_a_block:
            continue
        inline = tokens[number + 1]
        explicit = _take_explicit_anchor(inline)
        text = text_of(inline)
        anchor = names.take_exactly(explicit) if explicit else names.take(text)
        token.attrSet("id", anchor)
        if titles_a_block:
            continue
        written = int(token.tag[1])
        while above and above[-1] >= written:
            above.pop()
        level = min(FIRST_LEVEL + len(above), 6)
        above.append(written)
        token.tag = tokens[number + 2].tag = f"h{level}"
        headings.append(Heading(level=level, text=text, anchor=anchor))
    return tuple(headings)


def text_of(inline: Token) -> str:
    """The words of one inline token, with code and pictures' descriptions and without marks."""
    return "".join(_words(inline.children or ())).strip()


def _words(children: Sequence[Token]) -> Iterator[str]:
    for child in children:
        if child.type in {"text", "code_inline", "text_special"}:
            yield child.content
        elif child.type in {"softbreak", "hardbreak"}:
            yield " "
        elif child.type == "image":
            yield from _words(child.children or ())


def plain_text_of(tokens: Sequence[Token]) -> str:
    """All the words, code included, a line for each block."""
    lines = (
        token.content if token.type in {"fence", "code_block"} else text_of(token)
        for token in tokens
        if token.type in {"inline", "fence", "code_block"}
    )
    return "\n".join(line for line in lines if line)


def summary_of(tokens: Sequence[Token]) -> str:
    """The first words of the prose outside headings, code and framed blocks, cut between words."""
    words = ""
    depth = 0
    for before, token in pairwise(tokens):
        depth += {"fenced_div_open": 1, "fenced_div_close": -1}.get(before.type, 0)
        if token.type == "inline" and before.type == "paragraph_open" and depth == 0:
            words = f"{words} {text_of(token)}".strip()
            if len(words) > SUMMARY_CHARACTERS:
                return words[:SUMMARY_CHARACTERS].rsplit(" ", 1)[0].rstrip(" ,;:—-") + "…"
    return words


def _take_explicit_anchor(inline: Token) -> str | None:
    last = inline.children[-1] if inline.children else None
    if last is None or last.type != "text":
        return None
    explicit = EXPLICIT.search(last.content)
    if explicit is None:
        return None
    last.content = last.content[: explicit.start()]
    return explicit["anchor"]


def _word_alerts(tokens: Sequence[Token], labels: Mapping[str, str]) -> None:
    for number, token in enumerate(tokens):
        if token.type == "alert_open":
            token.attrs["class"] = f"callout {token.info.lower()}"
        elif token.type == "alert_title_open":
            token.attrs["class"] = "callout-title"
            title = tokens[number + 1]
            label = labels[title.content.lower()]
            title.content = label
            title.children = [Token("text", "", 0, content=label)]


def _class_aligned_cells(tokens: Sequence[Token]) -> None:
    """Columns are aligned by class: the content security policy allows no style attribute."""
    for token in tokens:
        if token.type in {"th_open", "td_open"} and token.attrs:
            style = str(token.attrs.pop("style", ""))
            token.attrs["class"] = {"text-align:right": "align-end", "text-align:center": "align-center"}.get(style, "")


def _unfetch_foreign_pictures(tokens: Sequence[Token], labels: Mapping[str, str]) -> None:
    """A member's picture on another host becomes a link: fetching it would tell that host who reads here."""
    for inline in tokens:
        if inline.type != "inline" or not inline.children:
            continue
        children: list[Token] = []
        links_open = 0
        for child in inline.children:
            links_open += {"link_open": 1, "link_close": -1}.get(child.type, 0)
            source = str(child.attrGet("src") or "") if child.type == "image" else ""
            if not ABSOLUTE.match(source):
                children.append(child)
                continue
            words = Token("text", "", 0, content="".join(_words(child.children or ())).strip() or labels["picture"])
            if links_open:
                children.append(words)
            else:
                opening = Token("link_open", "a", 1, attrs={"href": source})
                children += [opening, words, Token("link_close", "a", -1)]
        inline.children = children


def _render_code(
    _renderer: RendererHTML, tokens: Sequence[Token], index: int, _options: OptionsDict, environment: Environment
) -> str:
    return highlighted(tokens[index].content, tokens[index].info, environment["labels"])


def _render_list_item(
    renderer: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, environment: Environment
) -> str:
    """A task's box is a picture with a name: a form control without a label and a use would only confuse."""
    token = tokens[index]
    opening = renderer.renderToken(tokens, index, options, environment)
    if not token.meta or "checked" not in token.meta:
        return opening
    box, label = ("☑", "done") if token.meta["checked"] else ("☐", "not_done")
    return f'{opening}<span class="task" role="img" aria-label="{escape(environment["labels"][label])}">{box}</span> '


def _render_table_open(*_unused: object) -> str:
    return '<div class="table-scroll" tabindex="0"><table>\n'


def _render_table_close(*_unused: object) -> str:
    return "</table></div>\n"
