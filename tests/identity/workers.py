"""Two workers' units of work on one database."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from identity.tables import METADATA
from veche.data import UnitsOfWork, create_tables, open_database

T = TypeVar("T")


class Workers:
    """Two UnitsOfWork, each with its own Database object, as two processes have them."""

    def __init__(self, url: str) -> None:
        self.databases = [open_database(url), open_database(url)]
        self.first, self.second = [UnitsOfWork(database, lambda changes: None) for database in self.databases]
        create_tables(self.databases[0], METADATA)

    def run(self, work: Callable[[], Awaitable[T]]) -> T:
        """Run the scenario and close what it opened."""

        async def whole() -> T:
            try:
                return await work()
            finally:
                for database in self.databases:
                    await database.close()

        return asyncio.run(whole())
