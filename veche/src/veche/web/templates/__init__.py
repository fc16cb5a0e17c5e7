"""Pages and fragments from Jinja2 templates, in the reader's language."""

from veche.web.templates.environment import Templates, page_headers

__all__ = ["Templates", "page_headers"]
