"""Settings structs read as data; see reading.py."""

from veche.settings.reading import Setting, SettingsError, build, read_environment, refusal, settings_of

__all__ = ["Setting", "SettingsError", "build", "read_environment", "refusal", "settings_of"]
