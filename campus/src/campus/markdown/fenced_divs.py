"""Fenced divs, `::: challenge` … `:::`, as pandoc and the Carpentries write them, nested by counting.

One job: the block rule for markdown-it, and the tokens' titles. A block of a kind that we do not know keeps its
contents and loses its frame. Must not know: courses, HTML sanitising.
"""

import re
from collections.abc import Mapping
from typing import Final

from markdown_it import MarkdownIt
from markdown_it.common.utils import isStrSpace
from markdown_it.rules_block import StateBlock
from markdown_it.token import Token

OPENING: Final = re.compile(r":{3,}[ \t]*\{?[ \t]*\.?(?P<kind>[A-Za-z][\w-]*)[^{}]*\}?[ \t]*:*[ \t]*")
CLOSING: Final = re.compile(r":{3,}[ \t]*")
CODE_FENCE: Final = re.compile(r"(?P<mark>`{3,}|~{3,})")

FRAMED: Final[Mapping[str, str]] = {  # kind → its classes in campus.css
    "callout": "callout",
    "caution": "callout caution",
    "challenge": "callout challenge",
    "checklist": "callout",
    "discussion": "callout",
    "exercise": "callout exercise",
    "keypoints": "callout keypoints",
    "objectives": "callout objectives",
    "prereq": "callout prereq",
    "questions": "callout questions",
    "testimonial": "callout",
    "hint": "callout",
    "instructor": "callout",
    "solution": "callout solution",
    "spoiler": "callout",
    "gap": "gap",
}
SYNONYMS: Final[Mapping[str, str]] = {"prerequisite": "prereq", "prerequisites": "prereq", "note": "callout"}
FOLDED: Final = frozenset({"solution", "hint", "spoiler", "instructor"})  # shown when the reader asks for it
UNTITLED: Final = frozenset({"gap"})
MEMBER_KINDS: Final = frozenset({"spoiler", "solution"})


def fenced_divs(parser: MarkdownIt, kinds: frozenset[str]) -> None:
    """A plugin: `parser.use(fenced_divs, kinds=…)`; blocks of other kinds are left without a frame."""

    def rule(state: StateBlock, start_line: int, end_line: int, silent: bool) -> bool:
        return _fenced_div(state, start_line, end_line, silent, kinds)

    parser.block.ruler.before(
        "fence", "fenced_div", rule, {"alt": ["paragraph", "reference", "blockquote", "list", "table"]}
    )


def _line(state: StateBlock, number: int) -> str:
    return state.src[state.bMarks[number] + state.tShift[number] : state.eMarks[number]]


def _fenced_div(state: StateBlock, start_line: int, end_line: int, silent: bool, kinds: frozenset[str]) -> bool:
    first = _line(state, start_line)
    if not first.startswith(":::") or state.is_code_block(start_line):
        return False
    opening = OPENING.fullmatch(first)
    if opening is None:
        return False
    if silent:
        return True
    closing_line = _closing_line(state, start_line, end_line)
    written = opening["kind"].lower()
    kind = SYNONYMS.get(written, written)
    kind = kind if kind in kinds else ""
    tag = "details" if kind in FOLDED else "div"
    token = state.push("fenced_div_open", tag, 1)
    token.block = True
    token.info = kind
    token.map = [start_line, closing_line]
    if kind:
        token.attrSet("class", FRAMED[kind])
    outer_parent, outer_end = state.parentType, state.lineMax
    state.parentType = "fenced_div"
    state.lineMax = closing_line
    state.md.block.tokenize(state, start_line + 1, closing_line)
    state.parentType, state.lineMax = outer_parent, outer_end
    state.push("fenced_div_close", tag, -1).block = True
    state.line = min(closing_line + 1, end_line)
    return True


def _closing_line(state: StateBlock, start_line: int, end_line: int) -> int:
    """The line of the closing fence; where there is none, the end of what contains the block."""
    depth = 1
    code_mark = ""
    for number in range(start_line + 1, end_line):
        text = _line(state, number)
        if text and state.sCount[number] < state.blkIndent:
            return number  # outdented: the list item that holds the block ends here
        fence = CODE_FENCE.match(text)
        if code_mark:
            if fence and fence["mark"].startswith(code_mark) and all(map(isStrSpace, text[fence.end() :])):
                code_mark = ""
        elif fence:
            code_mark = fence["mark"]
        elif CLOSING.fullmatch(text):
            depth -= 1
            if depth == 0:
                return number
        elif OPENING.fullmatch(text):
            depth += 1
    return end_line


def give_titles(tokens: list[Token], labels: Mapping[str, str]) -> list[Token]:
    """Return the tokens with a title at the head of each framed block: its first heading, or its kind in words."""
    titled: list[Token] = []
    numbers = iter(range(len(tokens)))
    for number in numbers:
        token = tokens[number]
        titled.append(token)
        if token.type != "fenced_div_open" or not token.info or token.info in UNTITLED:
            continue
        opening, closing = _title_tokens(token)
        if number + 3 < len(tokens) and tokens[number + 1].type == "heading_open":
            inline = tokens[number + 2]
            opening.meta = {"heading": True}
            for _taken in range(3):
                next(numbers)
        else:
            inline = Token("inline", "", 0, content=labels[token.info], children=[], block=True)
            inline.children = [Token("text", "", 0, content=labels[token.info])]
        titled += [opening, inline, closing]
    return titled


def _title_tokens(block: Token) -> tuple[Token, Token]:
    tag = "summary" if block.tag == "details" else "p"
    opening = Token("callout_title_open", tag, 1, block=True)
    if tag == "p":
        opening.attrSet("class", "callout-title")
    return opening, Token("callout_title_close", tag, -1, block=True)
