"""Layouts with a slot for their children, and what they load for themselves."""

from veche.web.layouts.page import Layouts, Page
from veche.web.layouts.parts import Loader

__all__ = ["Layouts", "Loader", "Page"]
