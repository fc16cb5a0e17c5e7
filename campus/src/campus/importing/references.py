"""Finds the links and pictures in a stretch of Markdown source and replaces their addresses.

One job: the source text, changed only where an address stands. The parser cannot do this: its tokens have no
positions. Must not know: what an address means.
"""

import re
from collections.abc import Callable
from enum import Enum
from html import escape, unescape
from typing import Final

import msgspec
from markdown_it.helpers import parseLinkDestination, parseLinkTitle

CODE_SPAN: Final = re.compile(r"(?P<mark>`+)(?!`)(?:.*?[^`])?(?P=mark)(?!`)", re.DOTALL)
COMMENT: Final = re.compile(r"<!--.*?-->", re.DOTALL)
AUTOLINK: Final = re.compile(r"<[A-Za-z][A-Za-z0-9+.-]+:[^\s<>]*>")
TAG: Final = re.compile(
    r"<[A-Za-z][A-Za-z0-9-]*"
    r"(?:\s+[A-Za-z_:][\w:.-]*(?:\s*=\s*(?:[^\s\"'=<>`]+|'[^']*'|\"[^\"]*\"))?)*"
    r"\s*/?>"
)
TAG_ADDRESS: Final = re.compile(
    r"(?P<before>\s(?P<name>href|src)\s*=\s*)(?P<quote>[\"']?)(?P<value>[^\"'>\s]*)(?P=quote)"
)
DEFINITION: Final = re.compile(
    r"[ \t>]*\[(?!\^)(?:\\.|[^\]\\])+\]:[ \t]*\n?[ \t>]*(?P<target><[^<>\n]*>|[^<\s]\S*)", re.MULTILINE
)
ATTRIBUTES: Final = re.compile(r"\{[^{}]*\}")
ALT: Final = re.compile(r"\balt\s*=\s*(?P<quote>[\"'])(?P<words>(?:\\.|(?!(?P=quote)).)*)(?P=quote)", re.DOTALL)
TAG_ALT: Final = re.compile(r"\salt\s*=\s*(?P<quote>[\"'])(?P<value>.*?)(?P=quote)", re.DOTALL)
# Known elements only: in "a Vec<T> on the heap" nothing is a tag.
ALT_TAG: Final = re.compile(r"</?(?:br|p|div|span|b|i|em|strong|code|tt|sub|sup|small)(?:\s[^<>]*)?/?>", re.IGNORECASE)
MARKS: Final = re.compile(r"([\[\]\\`*_<&])")


class Use(Enum):
    LINK = "link"
    PICTURE = "picture"
    EMBEDDED = "embedded"


class Found(msgspec.Struct, frozen=True):
    """address: as written, unescaped. line_offset: lines from the start of the stretch."""

    address: str
    use: Use
    line_offset: int


Replace = Callable[[Found], str]


def rewrite(text: str, replace: Replace) -> str:
    """Return the text with each address that replace changed; code spans, comments and autolinks stay as they are."""
    return _Scanner(text, replace).run()


class _Scanner:
    def __init__(self, text: str, replace: Replace) -> None:
        self._text = text
        self._replace = replace
        self._pieces: list[str] = []
        self._kept = 0  # up to here the text is in pieces
        self._brackets: list[int] = []
        self._position = 0

    def run(self) -> str:
        definition = DEFINITION.match(self._text)
        if definition:
            self._put(definition.start("target"), definition.end("target"), Use.LINK)
            self._position = definition.end()
        while self._position < len(self._text):
            self._step(self._text[self._position])
        return "".join([*self._pieces, self._text[self._kept :]])

    def _step(self, mark: str) -> None:
        text, position = self._text, self._position
        self._position += 1
        if mark == "\\":
            self._position += 1
        elif mark == "`":
            span = CODE_SPAN.match(text, position)
            run = len(text[position:]) - len(text[position:].lstrip("`"))
            self._position = span.end() if span else position + run
        elif mark == "<":
            self._tag(position)
        elif mark == "[":
            self._brackets.append(position)
        elif mark == "]" and self._brackets:
            opening = self._brackets.pop()
            if text.startswith("(", position + 1):
                self._inline(opening, position)
        elif mark == "\n":
            definition = DEFINITION.match(text, position + 1)
            if definition:
                self._put(definition.start("target"), definition.end("target"), Use.LINK)
                self._position = definition.end()

    def _tag(self, position: int) -> None:
        foreign = COMMENT.match(self._text, position) or AUTOLINK.match(self._text, position)
        match = foreign or TAG.match(self._text, position)
        if match is None:
            return
        self._position = match.end()
        if foreign:
            return
        is_picture = self._text[position + 1 : position + 4].lower() == "img"
        alt = TAG_ALT.search(self._text, position, match.end()) if is_picture else None
        for address in TAG_ADDRESS.finditer(self._text, position, match.end()):
            if alt and alt.start() < address.start():
                self._plain_alt(alt)
                alt = None
            of_src = Use.PICTURE if is_picture else Use.EMBEDDED
            self._put(address.start("value"), address.end("value"), of_src if address["name"] == "src" else Use.LINK)
        if alt:
            self._plain_alt(alt)

    def _plain_alt(self, alt: re.Match[str]) -> None:
        """Converters leave the tags of a caption in the description, where they would be read aloud."""
        words = unescape(alt["value"])
        if ALT_TAG.search(words):
            plain = " ".join(ALT_TAG.sub(" ", words).split())
            self._replace_range(alt.start("value"), alt.end("value"), escape(plain))

    def _inline(self, opening: int, closing: int) -> None:
        """`](address "title")` at closing; for a picture also `{alt='…'}` behind it."""
        text = self._text
        start = _after_space(text, closing + 2)
        destination = parseLinkDestination(text, start, len(text))
        if not destination.ok:
            return
        end = _after_space(text, destination.pos)
        if end > destination.pos:
            title = parseLinkTitle(text, end, len(text))
            end = _after_space(text, title.pos) if title.ok else end
        if not text.startswith(")", end):
            return
        is_picture = opening > 0 and text[opening - 1] == "!" and not text[: opening - 1].endswith("\\")
        attributes = ATTRIBUTES.match(text, end + 1) if is_picture else None
        alt = ALT.search(attributes.group()) if attributes else None
        if alt:
            self._replace_range(opening + 1, closing, _escaped(alt["words"]))
        elif is_picture and self._kept <= opening and "`" not in text[opening:closing]:
            words = text[opening + 1 : closing]
            if ALT_TAG.search(words):
                self._replace_range(opening + 1, closing, " ".join(ALT_TAG.sub(" ", words).split()))
        self._put(start, destination.pos, Use.PICTURE if is_picture else Use.LINK, destination.str)
        self._position = end + 1
        if attributes:
            self._replace_range(attributes.start(), attributes.end(), "")
            self._position = attributes.end()

    def _put(self, start: int, end: int, use: Use, address: str | None = None) -> None:
        written = self._text[start:end]
        address = unescape(written.strip("<>")) if address is None else address
        found = Found(address=address, use=use, line_offset=self._text.count("\n", 0, start))
        replacement = self._replace(found)
        if replacement != address:
            self._replace_range(start, end, replacement)

    def _replace_range(self, start: int, end: int, replacement: str) -> None:
        self._pieces += [self._text[self._kept : start], replacement]
        self._kept = end


def _after_space(text: str, position: int) -> int:
    while position < len(text) and text[position] in " \t\n":
        position += 1
    return position


def _escaped(words: str) -> str:
    plain = re.sub(r"\\(.)", r"\1", " ".join(words.split()))
    return MARKS.sub(r"\\\1", plain)
