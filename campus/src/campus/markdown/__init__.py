"""Markdown to safe HTML with highlighted code."""
