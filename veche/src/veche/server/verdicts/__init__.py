"""What went wrong, who or what did it, and what to do: facts, stacks and words."""

from veche.server.verdicts.incidents import Incident, IncidentKind, Tell

__all__ = ["Incident", "IncidentKind", "Tell"]
