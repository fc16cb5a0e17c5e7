"""`mypyc_attr`, for a compiled class that a class of Python's may extend (docs/decisions/compiled-hot-modules.md).

One job: be mypy's decorator for mypy and mypyc, which takes it away, and nothing at all where nothing is compiled.
Must not know: which class says it. It is not compiled itself: mypyc leaves no branch that mypy does not see.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_extensions import mypyc_attr
else:

    def mypyc_attr(**_attributes):
        """Leave the class as it is."""
        return lambda cls: cls


__all__ = ["mypyc_attr"]
