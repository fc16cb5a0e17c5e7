"""Typed changes from text or JSON, with every error at once."""

from veche.changes.cast import Changes, Check, cast, cast_json
from veche.changes.constraints import UnmappedConstraint, with_constraint
from veche.changes.errors import ChangesError, FieldError
from veche.changes.messages import MESSAGES, N_, NN_, Message, Sentences, sentence
from veche.changes.plan import UNTRIMMED, FieldPlan, plan_of
from veche.changes.storable import name_characters

__all__ = [
    "MESSAGES",
    "NN_",
    "N_",
    "UNTRIMMED",
    "Changes",
    "ChangesError",
    "Check",
    "FieldError",
    "FieldPlan",
    "Message",
    "Sentences",
    "UnmappedConstraint",
    "cast",
    "cast_json",
    "name_characters",
    "plan_of",
    "sentence",
    "with_constraint",
]
