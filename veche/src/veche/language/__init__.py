"""The languages of a site: sentences, plurals, dates and numbers."""

from veche.language.catalogues import OWN_FOLDER, SOURCE_LANGUAGE, Catalogues, CatalogueUnreadable, LanguageError
from veche.language.translator import Style, Translator

__all__ = ["OWN_FOLDER", "SOURCE_LANGUAGE", "CatalogueUnreadable", "Catalogues", "LanguageError", "Style", "Translator"]
