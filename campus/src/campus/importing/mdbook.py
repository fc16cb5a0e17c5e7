"""The structure of an mdBook: `book.toml` and `SUMMARY.md` (https://rust-lang.github.io/mdBook/format/summary.html).

One job: the two files to an Outline. Chapters may stand before, in and after the numbered lists, in parts, nested.
Must not know: what is inside a chapter.
"""

import re
import tomllib
from typing import Final
from urllib.parse import unquote

from markdown_it import MarkdownIt
from markdown_it.token import Token

from campus.importing.model import ImportRefused
from campus.importing.outline import Entry, LessonHead, Outline, SourceLine
from campus.importing.source import SourceFolder

SUMMARY: Final = "SUMMARY.md"
NOT_A_TITLE: Final = frozenset({"summary", "table of contents", "contents", "содержание", "оглавление"})
SCHEME: Final = re.compile(r"[a-z][a-z0-9+.-]*:|//", re.IGNORECASE)
TOML_LINE: Final = re.compile(r"line (\d+)")


def is_mdbook(folder: SourceFolder) -> bool:
    return any(map(folder.has, ("book.toml", SUMMARY, f"src/{SUMMARY}")))


def read_outline(folder: SourceFolder) -> Outline:
    """Return the outline; raises ImportRefused naming the line of SUMMARY.md or book.toml."""
    book = _book_table(folder)
    source_folder = folder.path_from("", _text(book, "src") or ("src" if folder.has(f"src/{SUMMARY}") else "."))
    if source_folder is None:
        raise ImportRefused("src leads out of the folder", file="book.toml")
    order_file = folder.path_from(source_folder, SUMMARY) or SUMMARY
    if not folder.has(order_file):
        raise ImportRefused("is missing: it lists the chapters of an mdBook in their order", file=order_file)
    summary = _Summary(folder, order_file, source_folder)
    authors = book.get("authors", [])
    return Outline(
        form="mdbook",
        title=_text(book, "title") or summary.title or folder.name,
        description=_text(book, "description"),
        language=_text(book, "language"),
        licence="",
        authors=tuple(str(author) for author in authors) if isinstance(authors, list) else (),
        source_url="",
        order_file=order_file,
        entries=tuple(summary.entries),
        take_head=_whole_text,
    )


def _whole_text(_title: str, source: str, text: str) -> LessonHead:
    lines = enumerate(text.split("\n"), start=1)
    return LessonHead(lines=tuple(SourceLine(line, source, number) for number, line in lines))


def _book_table(folder: SourceFolder) -> dict[str, object]:
    if not folder.has("book.toml"):
        return {}
    try:
        book = tomllib.loads(folder.text("book.toml")).get("book", {})
    except tomllib.TOMLDecodeError as error:
        line = TOML_LINE.search(str(error))
        raise ImportRefused(
            f"is not TOML: {error}", file="book.toml", line=int(line.group(1)) if line else None
        ) from error
    if not isinstance(book, dict):
        raise ImportRefused("[book] is not a table", file="book.toml")
    return book


def _text(table: dict[str, object], key: str) -> str:
    value = table.get(key, "")
    if not isinstance(value, str):
        raise ImportRefused(f"book.{key} is not a text", file="book.toml")
    return value


class _Summary:
    """One pass over the tokens of SUMMARY.md."""

    def __init__(self, folder: SourceFolder, file: str, source_folder: str) -> None:
        self.title = ""
        self.entries: list[Entry] = []
        self._folder = folder
        self._file = file
        self._source_folder = source_folder
        self._part = ""
        self._numbers: list[int] = []
        self._lines_of_sources: dict[str, int] = {}
        self._read(MarkdownIt("commonmark").parse(folder.text(file)))
        if not self.entries:
            raise ImportRefused("lists no chapter", file=file)

    def _read(self, tokens: list[Token]) -> None:
        depth = 0
        top_number = 0  # numbering goes on from one part to the next
        for before, token in zip([Token("", "", 0), *tokens], tokens, strict=False):
            if token.type in {"bullet_list_open", "ordered_list_open"}:
                depth += 1
                self._numbers.append(top_number if depth == 1 else 0)
            elif token.type in {"bullet_list_close", "ordered_list_close"}:
                depth -= 1
                number = self._numbers.pop()
                top_number = number if depth == 0 else top_number
            elif token.type == "inline" and before.type == "heading_open":
                self._take_heading(token, is_title=before.tag == "h1")
            elif token.type == "inline" and depth == 0:
                for title, address, line in _links_of(token):  # a preface or an afterword: outside the parts
                    self._part = ""
                    self._add(title, address, line, level=0, number="")
            elif token.type == "inline":
                self._take_item(token, level=depth - 1)

    def _take_heading(self, inline: Token, *, is_title: bool) -> None:
        words = _words_of(inline.children or [])
        if is_title and not self.entries and not self.title:
            self.title = "" if words.lower() in NOT_A_TITLE else words
        else:
            self._part = words

    def _take_item(self, inline: Token, *, level: int) -> None:
        line = (inline.map or [0])[0] + 1
        links = _links_of(inline)
        if len(links) != 1:
            reason = f"the entry {inline.content!r} holds {len(links)} links; write one, such as [Title](chapter.md)"
            raise ImportRefused(reason, file=self._file, line=line)
        self._numbers[-1] += 1
        title, address, line = links[0]
        self._add(title, address, line, level=level, number=".".join(map(str, self._numbers)))

    def _add(self, title: str, address: str, line: int, *, level: int, number: str) -> None:
        source = self._source_of(unquote(address), line) if address else ""
        if source in self._lines_of_sources:
            reason = f"{source} is listed twice, first in line {self._lines_of_sources[source]}"
            raise ImportRefused(reason, file=self._file, line=line)
        if source:
            self._lines_of_sources[source] = line
        self.entries.append(Entry(source=source, title=title, level=level, number=number, part=self._part, line=line))

    def _source_of(self, address: str, line: int) -> str:
        if SCHEME.match(address) or not address.lower().endswith((".md", ".markdown")):
            reason = f"{address} is not a Markdown file; chapters end in .md"
            raise ImportRefused(reason, file=self._file, line=line)
        source = self._folder.path_from(self._source_folder, address)
        if source is None:
            raise ImportRefused(f"{address} leads out of the folder", file=self._file, line=line)
        return source


def _links_of(inline: Token) -> list[tuple[str, str, int]]:
    """The (words, address, line) of each link of a paragraph."""
    links: list[tuple[str, str, int]] = []
    line = (inline.map or [0])[0] + 1
    inside: list[Token] = []
    address: str | None = None
    for child in inline.children or []:
        line += child.type in {"softbreak", "hardbreak"}
        if child.type == "link_open":
            address = str(child.attrGet("href") or "")
            inside = []
        elif child.type == "link_close" and address is not None:
            links.append((_words_of(inside), address, line))
            address = None
        else:
            inside.append(child)
    return links


def _words_of(children: list[Token]) -> str:
    words = (child.content if child.type in {"text", "code_inline"} else " " for child in children)
    return " ".join("".join(words).split())
