"""Creating the tables of a MetaData at once, for tests and for programs without a history.

One job: CREATE TABLE for everything that is declared. A site that lives on uses migrations.
Must not know: models, migrations.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine.mock import MockConnection

from veche.data.executor import Database


def create_tables(database: Database, metadata: sa.MetaData) -> None:
    """Create every table, index and foreign key; raises StatementWrong when one exists already."""

    def execute(statement: Any, *_arguments: Any, **_options: Any) -> None:
        database.execute_query(str(statement.compile(dialect=database.dialect)))

    # SQLAlchemy marks a foreign key that it added by ALTER as never to be written inline again, in the MetaData itself:
    # SQLite would later get tables without it. So it works on a copy.
    copy = sa.MetaData()
    for table in metadata.tables.values():
        table.to_metadata(copy)
    copy.create_all(MockConnection(database.dialect, execute), checkfirst=False)
