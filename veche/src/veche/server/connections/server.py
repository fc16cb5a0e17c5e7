"""All connections of one worker: accept, serve, drain.

One job: open and close the doors, and sweep those who are inside for deadlines that are over.
Must not know: what the octets mean, who made the listening sockets, how the application is called.
"""

import asyncio
import os
import socket
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import Any, Final, cast

from veche.asgi import ASGIApplication, WSGIApplication
from veche.log import Level
from veche.server.bridges import AsgiBridge, Interface, Lifespan, WsgiBridge, task_starter
from veche.server.bridges.exchange import Bridge, Reporter
from veche.server.bridges.redirect import RedirectBridge
from veche.server.connections.accepting.descriptors import room_for_connections
from veche.server.connections.accepting.doors import Doors
from veche.server.connections.accepting.entrance import Entrance, protocols
from veche.server.connections.clock import Clock
from veche.server.connections.forwarded import Forwarding
from veche.server.connections.http1 import Http1Connection
from veche.server.connections.service import Service
from veche.server.connections.transport.resets import reset_at_once
from veche.server.connections.transport.writing import as_protocol
from veche.server.files.bridge import FilesBridge
from veche.server.files.mounts import parse_mount
from veche.server.manner import PLAIN, Manner
from veche.server.records import open_access_log
from veche.server.records.metering import Meter, RequestLog
from veche.server.scoreboard import Board, Counter, private_board, resident_octets
from veche.server.settings import ServerSettings
from veche.server.settings.diagnosis import METRICS_OFF
from veche.server.tls import TlsStore
from veche.server.verdicts import Incident, Tell
from veche.server.verdicts.witness import Witness

LONGEST_TICK_SECONDS: Final = 1.0
IDLE_GRACE_SECONDS: Final = 0.5
CANCEL_SECONDS: Final = 0.1


class ConnectionServer:
    """Serve one application on listening sockets that somebody else opened.

    `await start(sockets)` runs the application's lifespan and accepts; `await drain(deadline_seconds)` stops.
    """

    def __init__(
        self,
        application: ASGIApplication | WSGIApplication,
        interface: Interface,
        settings: ServerSettings,
        logger: Reporter,
        *,
        board: Board | None = None,
        tell: Tell | None = None,
    ) -> None:
        """board: where it says what it does, for those who watch from outside. tell: takes what goes wrong on the way.

        Without them it is seen by nobody, and what goes wrong goes into the log.
        """
        self.application = application
        self.interface = interface
        self.settings = settings
        self.logger = logger
        self.board = board or private_board()
        self._listeners: list[tuple[socket.socket, Manner]] = []
        self._doors: Doors | None = None
        self.is_outdated: Callable[[], bool] | None = None  # asked before a connection is accepted (--reload)
        self._start_joining: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]] | None = None
        self._joining: set[asyncio.Task[None]] = set()  # the loop holds Tasks only weakly
        self._connection_limit = settings.connection_limit
        self.witness = Witness(self.board, tell or self._log_incident)
        self._lifespan: Lifespan | None = None
        self._service: Service | None = None
        self._wsgi: WsgiBridge | None = None
        self._tls: TlsStore | None = None
        self._entrance: Entrance | None = None  # of listeners that are not plain

    def _log_incident(self, incident: Incident) -> None:
        from veche.server.verdicts.verdict import verdict_of_incident

        verdict = verdict_of_incident(incident, worker=0, pid=os.getpid())
        self.logger.log_message(verdict.what, level=Level.ERROR, advice=verdict.advice, traceback=verdict.evidence)

    @property
    def open_connections(self) -> int:
        """How many connections are open now, idle ones and WebSockets included."""
        return len(self._service.connections) if self._service else 0

    @property
    def requests_served(self) -> int:
        """How many requests were given to the application since the start."""
        return self._service.requests_served if self._service else 0

    async def start(
        self,
        sockets: Sequence[socket.socket],
        manners: Sequence[Manner] = (),
        *,
        before_doors: Callable[[], None] | None = None,
    ) -> None:
        """Run the application's start-up, then accept connections; returns when the doors are open.

        manners: what connections to each of the sockets begin with; nothing, unless said otherwise.
        before_doors: called when all is ready and nobody has been let in yet.
        Raises veche.server.bridges.StartupFailed when the application refuses to start, TlsError for a certificate.
        """
        loop = asyncio.get_running_loop()
        self._connection_limit = room_for_connections(self.settings.connection_limit)
        if self._connection_limit < self.settings.connection_limit:
            self.logger.log_message(
                f"the kernel lets this worker open files for {self._connection_limit} connections only; "
                f"for {self.settings.connection_limit} raise its hard limit (LimitNOFILE= of the unit, ulimit -Hn)",
                level=Level.WARNING,
            )
        forwarding = Forwarding(self.settings)
        listeners = self._listeners = list(zip(sockets, manners or [PLAIN] * len(sockets), strict=True))
        if any(manner.tls for _, manner in listeners):
            self._tls = TlsStore(self.settings, protocols(http2=self.settings.http2), self.logger)
        bridge = self._in_front(await self._open_bridge(loop), loop)
        clock = Clock(loop, _tick_seconds(self.settings), self._sweep)
        access_log = open_access_log(loop, self.settings) if self.settings.access_log else None
        requests: RequestLog | None = access_log
        if self.settings.metrics_bind != METRICS_OFF:
            requests = Meter(self.board.cells, access_log)
        self._service = Service(
            bridge, self.settings, clock, self.logger, requests, board=self.board, forwarding=forwarding
        )
        if any(manner != PLAIN for _, manner in listeners):
            self._entrance = Entrance(self._service, self.settings, self._tls, self._count_in)
        clock.start()
        self.board.beat(running=0)
        # Under --reload each request comes to a door, where the files are looked at.
        self._service.keeps_alive = not self.settings.reload
        self._start_joining = task_starter(loop)
        self._doors = Doors(self.board, room=self._room, loop=loop, reporter=self.logger, is_outdated=self.is_outdated)
        for listener, manner in listeners:
            self.add_listener(listener, manner)
        if before_doors is not None:
            before_doors()
        self.open_doors()

    def add_listener(self, listener: socket.socket, manner: Manner = PLAIN) -> None:
        """Accept on this socket, too, from the next opening of the doors on."""
        assert self._doors is not None
        if self._entrance is None or manner == PLAIN:
            self._doors.add(listener, self._join)
        else:
            self._doors.add(listener, partial(self._entrance.welcome, manner=manner))

    async def drain(self, deadline_seconds: float) -> None:
        """Stop accepting, finish what runs, close everything, run the application's shut-down.

        Nobody who came in is turned away: whoever still stands in the kernel's queue is taken in, and an idle
        connection has IDLE_GRACE_SECONDS to ask once more, since a request may be on its way. Responses from now on
        say `Connection: close`, WebSockets get 1012, event streams are told at once, other responses that still run
        after half of the time. What is left after deadline_seconds is cancelled and cut.
        """
        service = self._service
        assert service is not None
        service.draining = True
        if self._doors is not None:
            self._start_joining = asyncio.get_running_loop().create_task  # we are inside a Task's step here
            self._doors.close_for_ever(take_in=not self.settings.reload)  # whoever waits is for the new code then
        if self._joining:
            await asyncio.wait(self._joining)
        for connection in list(service.connections):
            connection.begin_drain()
        grace_seconds = 0.0 if self.settings.reload else min(IDLE_GRACE_SECONDS, deadline_seconds / 4)
        await self._wait_until_empty(service, grace_seconds)
        for connection in list(service.connections):
            connection.end_if_idle()
        await self._wait_until_empty(service, deadline_seconds / 2 - grace_seconds)
        for connection in list(service.connections):
            connection.hurry()
        await self._wait_until_empty(service, deadline_seconds / 2)
        if service.bridge.running or service.connections:
            service.bridge.cancel_all()
            await self._wait_until_empty(service, CANCEL_SECONDS)  # cancelled applications answer 503
            for connection in list(service.connections):
                connection.abort()
            await self._wait_until_empty(service, 1.0)
        service.clock.stop()
        self._tell_board(service)  # the last numbers
        service.bridge.close()
        if service.access_log is not None:
            service.access_log.close()
        if self._lifespan is not None:
            failure = await self._lifespan.shutdown()
            if failure is not None:
                self.logger.log_message("the application failed to shut down", level=Level.ERROR, reason=failure)

    def in_forked_child(self, came_back: Callable[[], None]) -> None:
        """Have a process that the application forked in a thread call this instead of serving on."""
        if self._wsgi is not None:
            self._wsgi.in_forked_child(came_back)

    def close_doors(self) -> None:
        """Stop accepting; new connections wait in the kernel's queue, where other workers may take them."""
        assert self._doors is not None
        self._doors.close()

    def open_doors(self) -> None:
        """Accept, or accept again, unless the worker is full or drains."""
        assert self._doors is not None
        if self._service is not None and not self._service.draining:
            self._doors.open()

    def _room(self) -> int:
        return self._connection_limit - self._service.admitted if self._service else 0

    def _join(self, accepted: socket.socket, host: str | None) -> None:
        """Make a connection of a socket that a plain door has accepted."""
        assert self._start_joining is not None
        assert self._service is not None
        place = self._service.per_address.enter(host)
        if place is None:
            reset_at_once(accepted)
            return
        self._count_in()
        task = self._start_joining(self._connect(accepted, place))
        # An application that cancels all_tasks() would close connections of others, whose first request waits.
        asyncio.tasks._unregister_task(task)
        self._joining.add(task)
        task.add_done_callback(self._joining.discard)

    async def _connect(self, accepted: socket.socket, place: str) -> None:
        service = self._service
        assert service is not None
        connection = Http1Connection(service)
        if place:
            connection.place = place
        try:
            await asyncio.get_running_loop().connect_accepted_socket(lambda: as_protocol(connection), accepted)
        except OSError:  # it was reset meanwhile
            accepted.close()
            if place:
                service.per_address.leave(place)

    def _count_in(self) -> None:
        """Count a connection that has just been accepted; shut the doors behind the last one."""
        service = self._service
        assert service is not None
        service.admitted += 1
        self.board.connections(service.admitted)
        if service.admitted >= self._connection_limit and service.when_room is None:
            self.close_doors()
            service.when_room = self.open_doors

    async def _open_bridge(self, loop: asyncio.AbstractEventLoop) -> Bridge:
        if self.interface is Interface.WSGI:
            self._wsgi = WsgiBridge(
                cast(WSGIApplication, self.application),
                self.logger,
                loop,
                self.board,
                self.settings,
                witness=self.witness,
                multiprocess=self.settings.workers != 1,
            )
            return self._wsgi
        application = cast(ASGIApplication, self.application)
        self._lifespan = Lifespan(application)
        await self._lifespan.startup()
        return AsgiBridge(
            application,
            self._lifespan.state,
            self.logger,
            task_starter(loop),
            self.board,
            witness=self.witness,
            body_buffer_octets=self.settings.body_buffer_octets,
        )

    def _in_front(self, bridge: Bridge, loop: asyncio.AbstractEventLoop) -> Bridge:
        """Return the application's bridge with what stands before it; without any of it nobody pays for it."""
        settings = self.settings
        if settings.static:
            mounts = [parse_mount(text) for text in settings.static]
            bridge = FilesBridge(
                bridge,
                mounts,
                cache_control=settings.static_cache_control,
                start_task=task_starter(loop),
                board=self.board,
                reporter=self.logger,
            )
        if settings.redirect_to_https:
            bridge = RedirectBridge(bridge, settings.https_port or self._https_port())
        return bridge

    def _https_port(self) -> int:
        for listener, manner in self._listeners:
            if manner.tls and listener.family != socket.AF_UNIX:
                port: int = listener.getsockname()[1]
                return port
        return 443

    async def _wait_until_empty(self, service: Service, seconds: float) -> None:
        """Return when no connection is open and no request runs, or after some seconds."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        # Asked again and again, because what is waited for ends in many places and this is no hot path.
        while (service.connections or service.bridge.running) and loop.time() < end:  # noqa: ASYNC110
            await asyncio.sleep(min(0.02, max(0.0, end - loop.time())))

    def _tell_board(self, service: Service) -> None:
        board, cells = self.board, self.board.cells
        board.beat(running=service.bridge.running)
        service.bridge.tell_board()
        cells[Counter.REQUESTS] = service.requests_served
        cells[Counter.REFUSED_CONNECTIONS] = service.per_address.refused
        cells[Counter.RESIDENT_OCTETS] = resident_octets()

    def _sweep(self) -> None:
        service = self._service
        assert service is not None
        now = service.clock.now
        self._tell_board(service)
        if not self._joining:
            service.admitted = len(service.connections)  # one that failed while it was accepted was never lost
        if service.when_room is not None and service.admitted < self._connection_limit:
            service.when_room = None
            self.open_doors()
        due = [c for c in service.connections if c.deadline <= now or c.write_deadline <= now]
        for connection in due:
            connection.deadline_passed(now)
        if self._tls is not None:
            self._tls.look()


def _tick_seconds(settings: ServerSettings) -> float:
    """Return a tick that is small beside every timeout, and one second for the usual ones."""
    shortest = min(
        settings.head_timeout_seconds,
        settings.body_stall_seconds,
        settings.keep_alive_seconds,
        settings.write_stall_seconds,
        settings.linger_seconds,
        settings.tls_handshake_seconds,
        settings.websocket_handshake_seconds,
        settings.websocket_ping_seconds,
        settings.websocket_close_seconds,
        settings.http2_settings_seconds,
        settings.request_seconds or LONGEST_TICK_SECONDS * 2,
    )
    return min(LONGEST_TICK_SECONDS, shortest / 2)
