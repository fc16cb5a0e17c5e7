"""People: registration, login, profiles, roles."""
