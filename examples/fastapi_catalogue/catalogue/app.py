"""The application: its store, opened and closed with the server's worker, and its routes.

One job: put the parts together by what the environment says.
"""

import logging
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, TypedDict

import httpx
from fastapi import FastAPI
from fastapi.responses import FileResponse
from sqlalchemy.ext.asyncio import create_async_engine

from catalogue import api
from catalogue.feed import Bell
from catalogue.remote import RemoteUnits
from catalogue.repository import CatalogueError, Units
from catalogue.sql import DEFAULT_URL, SqlUnits, refuse_unless_migrated

PAGE: Final = Path(__file__).with_name("page.html")
REMOTE_TIMEOUT_SECONDS: Final = 5.0

log = logging.getLogger("catalogue")
logging.basicConfig(level=logging.INFO, format="%(name)s: %(message)s")


class State(TypedDict):
    """What the lifespan gives to every request, as request.state."""

    units: Units
    bell: Bell


@asynccontextmanager
async def open_store(after_commit: Callable[[], None]) -> AsyncIterator[Units]:
    """The courses of CATALOGUE_REMOTE (another site like this one) or else of CATALOGUE_DATABASE."""
    remote = os.environ.get("CATALOGUE_REMOTE")
    if remote:
        async with httpx.AsyncClient(base_url=remote, timeout=REMOTE_TIMEOUT_SECONDS) as client:
            yield RemoteUnits(client, after_commit)
        return
    engine = create_async_engine(os.environ.get("CATALOGUE_DATABASE", DEFAULT_URL))
    try:
        await refuse_unless_migrated(engine)
        yield SqlUnits(engine, after_commit)
    finally:
        await engine.dispose()


@asynccontextmanager
async def lifespan(_app: FastAPI) -> AsyncIterator[State]:
    bell = Bell()
    async with open_store(bell.ring) as units:
        log.info("the store is open")
        yield {"units": units, "bell": bell}
    log.info("the store is closed")


app = FastAPI(title="Catalogue", lifespan=lifespan)
app.include_router(api.router)
app.add_exception_handler(CatalogueError, api.refused)


@app.get("/", include_in_schema=False)
async def page() -> FileResponse:
    return FileResponse(PAGE)
