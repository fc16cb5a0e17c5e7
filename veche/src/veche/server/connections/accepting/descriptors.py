"""Open files: each connection is one, and the kernel counts them.

One job: have as many as the connections need, or say how many connections the kernel leaves room for.
Must not know: connections.

The soft limit of a shell or of a unit is often 1,024, a relic of select(2); the hard one is what the machine really
allows. A server that accepts past its limit loses connections: the kernel has taken them, and nobody can answer.
"""

import resource
from typing import Final

RESERVED: Final = 256  # listeners, logs, and what the application opens: files, databases, its own clients


def room_for_connections(wanted: int) -> int:
    """Raise the soft limit as far as `wanted` connections need it; return how many there is room for, at least 1."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = wanted + RESERVED
    if soft != resource.RLIM_INFINITY and soft < needed:
        soft = needed if hard == resource.RLIM_INFINITY else min(hard, needed)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    if soft == resource.RLIM_INFINITY:
        return wanted
    return max(1, min(wanted, soft - RESERVED))
