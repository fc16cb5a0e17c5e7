"""`./bench websocket`: an echo on 64 sockets, and one message to 1,000 sockets.

One job: declare the two contests.
"""

from benchmarks.contest import Contest, Contestant, Target
from benchmarks.servers import daphne, granian, uvicorn, veche
from benchmarks.websocket_client import Messages

BENCHMARK = "websocket"
ECHO, BROADCAST = (f"benchmarks.websocket_applications:{name}" for name in ("echo", "broadcast"))
CHANNELS = "benchmarks.channels_application:application"
UVICORNS = ["uvicorn websockets-sansio", "uvicorn wsproto"]


def uvicorns(application: str) -> list[Contestant]:
    """uvicorn with each of its implementations that may be its fastest."""
    return [uvicorn(application, "--ws", name.split()[1], name=name) for name in UVICORNS]


CONTESTS = (
    Contest(
        "websocket",
        "WebSocket echo",
        [veche(ECHO), *uvicorns(ECHO), uvicorn(ECHO, name="uvicorn"), granian(ECHO, "asgi")],
        Messages(),
        UVICORNS[0],
        [Target(2.0, [*UVICORNS, "uvicorn"]), Target(2.0, ["granian"])],
        unit="messages",
    ),
    Contest(
        "broadcast",
        "one message to 1,000 sockets: the application awaits `send` for each, Channels sends to a group in memory",
        [
            veche(BROADCAST),
            *uvicorns(BROADCAST),
            granian(BROADCAST, "asgi"),
            uvicorn(CHANNELS, "--ws", "websockets-sansio", name="channels on uvicorn"),
            daphne(CHANNELS),
        ],
        Messages(sockets=1000, in_flight=4, least_seconds=4),
        UVICORNS[0],
        [Target(2.0, UVICORNS), Target(2.0, ["granian"]), Target(5.0, ["channels on uvicorn", "daphne"])],
        unit="deliveries",
    ),
)


if __name__ == "__main__":
    from benchmarks import server  # which takes the contests from here

    server.main(CONTESTS, {})
