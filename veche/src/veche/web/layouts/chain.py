"""What a layout file says of itself in its first line: `{# extends: base; loads: unread_count, courses #}`.

One job: that line → parent and loader names; a name → the chain of layouts around the children.
Must not know: requests, rendering.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from veche.web.errors import WrongConfiguration

HEAD: Final = re.compile(r"\{#-?\s*(?P<clauses>(?:extends|loads)\s*:.*?)-?#\}", re.DOTALL)
NAME: Final = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Layout:
    """One layout: its template, the layout it stands in ("" for none), and what it loads for itself."""

    name: str
    parent: str
    loads: tuple[str, ...]


def read_head(name: str, source: str) -> Layout:
    """Return the layout that the first line of source declares; a file without such a line stands alone.

    Raises WrongConfiguration for a line that begins so and cannot be read.
    """
    head = HEAD.match(source)
    parent, loads = "", tuple[str, ...]()
    for clause in head["clauses"].split(";") if head else ():
        key, _colon, value = (part.strip() for part in clause.partition(":"))
        names = tuple(one.strip() for one in value.split(","))
        wrong = [one for one in names if not NAME.fullmatch(one)]
        if wrong or key not in ("extends", "loads") or (key == "extends" and len(names) != 1):
            raise WrongConfiguration(
                f"layout {name!r}: {clause.strip()!r} cannot be read; expected `extends: name` or `loads: name, name`"
            )
        if key == "extends":
            parent = names[0]
        else:
            loads = names
    return Layout(name, parent, loads)


def chain_of(name: str, find: Callable[[str], Layout]) -> tuple[Layout, ...]:
    """Return the layouts around the children, innermost first. Raises WrongConfiguration when they form a circle."""
    chain: list[Layout] = []
    while name:
        if name in (known.name for known in chain):
            circle = " → ".join([known.name for known in chain] + [name])
            raise WrongConfiguration(f"layouts stand in each other in a circle: {circle}")
        chain.append(find(name))
        name = chain[-1].parent
    return tuple(chain)
