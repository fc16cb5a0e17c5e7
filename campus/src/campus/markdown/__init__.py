"""Markdown to safe HTML with highlighted code."""

from campus.markdown.model import NO_LINKS, Heading, Links, RenderedMarkdown, Trust
from campus.markdown.rendering import render
from campus.markdown.structure import CodeBlock, TextStructure, structure_of

__all__ = [
    "NO_LINKS",
    "CodeBlock",
    "Heading",
    "Links",
    "RenderedMarkdown",
    "TextStructure",
    "Trust",
    "render",
    "structure_of",
]
