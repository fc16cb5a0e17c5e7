"""Names with one or more values each, in the order in which they came: a query, a form.

One job: hold such pairs.
Must not know: where they come from.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import TypeVar

V = TypeVar("V")


class MultiMap(Mapping[str, V]):
    """An immutable map where `map[name]` is the last value of a name and `map.getlist(name)` all of them."""

    __slots__ = ("_lists", "_pairs")

    def __init__(self, pairs: Iterable[tuple[str, V]] = (), /) -> None:
        self._pairs = list(pairs)
        lists: dict[str, list[V]] = {}
        for name, value in self._pairs:
            lists.setdefault(name, []).append(value)
        self._lists = lists

    def __getitem__(self, name: str) -> V:
        return self._lists[name][-1]

    def getlist(self, name: str) -> list[V]:
        """Return every value of the name; [] where there is none."""
        return list(self._lists.get(name, ()))

    def multi_items(self) -> list[tuple[str, V]]:
        """Return every pair in the order in which it came."""
        return list(self._pairs)

    def __iter__(self) -> Iterator[str]:
        return iter(self._lists)

    def __len__(self) -> int:
        return len(self._lists)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._pairs!r})"
