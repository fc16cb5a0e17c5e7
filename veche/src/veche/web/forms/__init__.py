"""Bound forms: typed values, or every error beside its input."""

from veche.web.forms.form import Form

__all__ = ["Form"]
