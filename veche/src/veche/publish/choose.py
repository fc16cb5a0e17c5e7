"""Which bus this process has, from its environment.

One job: the choice. Must not know: how any of them carries.
"""

from collections.abc import Callable, Mapping
from typing import Final

from veche.publish.floor import NewestVersions, PollFloor
from veche.publish.local import LocalBus
from veche.publish.messages import Bus

RELAY_ENVIRONMENT_NAME: Final = "VECHE_RELAY_FD"
"""Our server's master puts here the number of the descriptor that reaches the other workers."""

FLOOR_SECONDS: Final = 1.0


def open_bus(
    environ: Mapping[str, str],
    newest: NewestVersions,
    *,
    on_failure: Callable[[Exception], None],
) -> Bus:
    """Return the bus of this process, not yet started.

    Without a relay the floor asks the database every second.
    """
    return PollFloor(LocalBus(), newest, every_seconds=FLOOR_SECONDS, on_failure=on_failure)
