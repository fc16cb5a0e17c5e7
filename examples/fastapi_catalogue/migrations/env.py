"""What Alembic runs: the migrations, on the database that the application uses."""

import asyncio
import os

from alembic import context
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine

from catalogue.sql import DEFAULT_URL, Base


def migrate(connection: Connection) -> None:
    context.configure(connection, target_metadata=Base.metadata, render_as_batch=True)
    with context.begin_transaction():
        context.run_migrations()


async def main() -> None:
    engine = create_async_engine(os.environ.get("CATALOGUE_DATABASE", DEFAULT_URL))
    async with engine.begin() as connection:
        await connection.run_sync(migrate)
    await engine.dispose()


asyncio.run(main())
