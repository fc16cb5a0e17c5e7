"""Markdown to safe HTML with highlighted code."""

from campus.markdown.model import NO_LINKS, Heading, Links, RenderedMarkdown, Trust
from campus.markdown.rendering import headings_of, render

__all__ = ["NO_LINKS", "Heading", "Links", "RenderedMarkdown", "Trust", "headings_of", "render"]
