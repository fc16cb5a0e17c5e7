"""Which bus this process has, from its environment.

One job: the choice. Must not know: how any of them carries.
"""

from collections.abc import Callable, Mapping
from typing import Final

from veche.publish.floor import NewestVersions, PollFloor
from veche.publish.local import LocalBus
from veche.publish.messages import Bus
from veche.publish.relay_bus import RelayBus

RELAY_ENVIRONMENT_NAME: Final = "VECHE_RELAY_FD"
"""Our server's master puts here the number of the descriptor that reaches the other workers."""

FLOOR_SECONDS: Final = 1.0
FLOOR_BESIDE_RELAY_SECONDS: Final = 5.0


def open_bus(
    environ: Mapping[str, str],
    newest: NewestVersions,
    *,
    on_failure: Callable[[Exception], None],
    others_write: bool = False,
) -> Bus:
    """Return the bus of this process, not yet started.

    Under our server's master it reaches the other workers at once, and the floor only mends what a worker could not
    say because it died between its commit and its publish: every 5 s. Elsewhere, and where others write (a second
    container on one database), it asks every second.
    """
    descriptor = environ.get(RELAY_ENVIRONMENT_NAME)
    if descriptor is None:
        return PollFloor(LocalBus(), newest, every_seconds=FLOOR_SECONDS, on_failure=on_failure)
    bus = RelayBus(int(descriptor))
    every_seconds = FLOOR_SECONDS if others_write else FLOOR_BESIDE_RELAY_SECONDS
    return PollFloor(bus, newest, every_seconds=every_seconds, on_failure=on_failure)
