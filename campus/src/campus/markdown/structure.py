"""Which lines of a teacher's text are what, for whoever rewrites the text without rendering it.

One job: the parser's view of the lines. Must not know: what is rewritten, or why.
"""

import re
from typing import Final

import msgspec

from campus.markdown.labels import ENGLISH
from campus.markdown.model import Heading, Trust

HTML_ID: Final = re.compile(r"<[a-z][^<>]*?\s(?:id|name)\s*=\s*[\"']?([^\"'\s>]+)", re.IGNORECASE)


class CodeBlock(msgspec.Struct, frozen=True):
    """first_line to end_line (from 0, end exclusive) with its fences; mark is the fence, "" when it is indented."""

    first_line: int
    end_line: int
    mark: str
    info: str


class TextStructure(msgspec.Struct, frozen=True):
    """block_starts: lines where a paragraph, a heading or a table row begins. anchors: all that a link may name.

    title_lines: the lines of the heading that opens the text, if one does.
    """

    headings: tuple[Heading, ...]
    code_blocks: tuple[CodeBlock, ...]
    block_starts: frozenset[int]
    anchors: frozenset[str]
    title_lines: range


def structure_of(text: str) -> TextStructure:
    """Return the structure as the renderer will see it."""
    from campus.markdown.parsing import arrange_headings, parse

    tokens, _environment = parse(text, Trust.TEACHER, ENGLISH)
    headings = arrange_headings(tokens)
    block_starts: set[int] = set()
    anchors = {str(anchor) for token in tokens if (anchor := token.attrGet("id"))}
    code_blocks: list[CodeBlock] = []
    for token in tokens:
        if token.type in {"fence", "code_block"} and token.map:
            code_blocks.append(CodeBlock(token.map[0], token.map[1], token.markup, token.info.strip()))
        elif token.type == "inline" and token.map:
            block_starts.add(token.map[0])
            for child in token.children or ():
                if child.type == "html_inline":
                    anchors.update(HTML_ID.findall(child.content))
        elif token.type == "html_block":
            block_starts.add((token.map or [0])[0])
            anchors.update(HTML_ID.findall(token.content))
    opens = next((token for token in tokens if token.type != "html_block"), None)
    title_map = opens.map if opens is not None and opens.type == "heading_open" else None
    return TextStructure(
        headings=headings,
        code_blocks=tuple(code_blocks),
        block_starts=frozenset(block_starts),
        anchors=frozenset(anchors),
        title_lines=range(*title_map) if title_map else range(0),
    )
