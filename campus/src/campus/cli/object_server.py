"""`Server(logger, database, forum, port, debug).run()`: a live forum from parts that a program has made.

One job: hand the program's own parts to the site, and the site to our server.
Must not know: what the parts do.
"""

import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Final

import msgspec

from campus.cli.up import welcome
from campus.feature import Feature
from campus.forum.actions import create_category
from campus.forum.feature import FORUM, forum_provider
from campus.forum.forum import Forum
from campus.model import DEFAULT_COMMUNITY_ID
from campus.parts import Parts
from campus.settings import CampusSettings
from campus.site import FEATURES, create_application
from veche.cli import ServerSettings, serve
from veche.data import ConstraintViolated, Database
from veche.log import Sink
from veche.settings import read_environment
from veche.web import Application

DEFAULTS: Final = {"CAMPUS_DATA_DIRECTORY": "var/forum"}


class Server:
    """A forum, and the server that serves it.

    logger: gets a line for each request, and every error. database: where everything is kept.
    forum: the class through which the pages read and write: Forum, or a subclass of it.
    port: of this machine's loopback address; 0 lets the system choose. debug: error pages show the traceback.
    The other settings are CAMPUS_* and VECHE_* of the environment.
    """

    def __init__(
        self, logger: Sink, database: Database, forum: type[Forum] = Forum, port: int = 8000, debug: bool = False
    ) -> None:
        self.logger = logger
        self.database = database
        self.forum = forum
        self.port = port
        self.debug = debug

    def application(self) -> Application:
        """Return the site of these parts; it makes its tables and a first category when it starts."""
        return create_application(
            self._settings(),
            logger=self.logger,
            log_requests=True,
            database=self.database,
            features=tuple(self._of_these_parts(feature) for feature in FEATURES),
            make_ready=True,
        )

    def run(self) -> int:
        """Serve until stopped; returns the exit code of `veche.cli.serve`.

        Each worker is a process of its own and makes the parts anew: it imports the program that was started, and looks
        there for this server. Raises RuntimeError when it is no name of that program's.
        """
        module, folder, name = self._where()
        settings = read_environment(ServerSettings, os.environ, prefix="VECHE")
        settings = msgspec.structs.replace(
            settings, bind=(f"127.0.0.1:{self.port}",), factory=True, app_dir=folder, access_log=False
        )
        on_ready = lambda: welcome(self._settings(), settings.bind[0])  # noqa: E731
        return serve(f"{module}:{name}.application", settings, on_ready=on_ready)

    def _of_these_parts(self, feature: Feature) -> Feature:
        if feature is not FORUM:
            return replace(feature, load_sample=None)
        providers = {**FORUM.providers, Forum: forum_provider(self.forum)}
        return replace(FORUM, providers=providers, load_sample=_open_a_category)

    def _settings(self) -> CampusSettings:
        settings = read_environment(CampusSettings, {**DEFAULTS, **os.environ}, prefix="CAMPUS")
        # "sample" lets everybody register and calls load_sample, which here makes no more than a category.
        return msgspec.structs.replace(settings, sample=True, debug=self.debug)

    def _where(self) -> tuple[str, str, str]:
        program = sys.modules["__main__"]
        file = getattr(program, "__file__", None)
        name = next((name for name, value in vars(program).items() if value is self), None)
        if file is None or name is None:
            raise RuntimeError(
                "the workers cannot find this server; expected a program in a file, with the server under a name "
                "at its top level; write: server = Server(...), and server.run() under if __name__ == '__main__'"
            )
        return Path(file).stem, str(Path(file).absolute().parent), name


async def _open_a_category(parts: Parts) -> None:
    try:
        await create_category(parts.units, DEFAULT_COMMUNITY_ID, "talk", "Talk", "About everything.")
    except ConstraintViolated:
        pass  # a start that died on the way has made it
