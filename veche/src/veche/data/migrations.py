"""The history of a site's tables, run by Alembic on either engine.

One job: bring a database to the newest version of a package's `versions` folder, once, however many start together.
Must not know: what the tables are for.

`package` is a dotted name such as "campus.migrations"; its folder holds `versions/*.py`. A whole run is one transaction
under one lock: it happens completely or not at all. is_current() imports no Alembic, so that a start stays short.
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

import sqlalchemy as sa

from veche.data.columns import Choice, Day, Json, Moment, StrictType
from veche.data.errors import DataError, SchemaMismatch, StatementWrong
from veche.data.executor import Database
from veche.data.opening import open_database
from veche.data.sqlite.database import SqliteDatabase

if TYPE_CHECKING:
    from alembic.config import Config

WAIT_SECONDS: Final = 60.0
ENVIRONMENT: Final = Path(__file__).with_name("migration_environment")
REVISION: Final = re.compile(r"^(down_)?revision\s*(?::[^=]+)?=\s*(.*)$", re.MULTILINE)
QUOTED: Final = re.compile(r"[\"']([^\"']+)[\"']")
ADVISORY_LOCK: Final = 0x76656368  # "vech"; the number that every process of every version must agree on


def is_current(database: Database | str, package: str) -> bool:
    """Return whether the database has exactly the newest tables. Quick; raises DatabaseUnavailable."""
    with _opened(database) as opened:
        if isinstance(opened, SqliteDatabase) and not opened.path.exists():
            return False
        try:
            rows = opened.execute_query("SELECT version_num FROM alembic_version")
        except StatementWrong:  # no such table: an empty database
            return False
        finally:
            opened.close_own()
    return {row[0] for row in rows} == heads(_versions(package))


def heads(versions: Path) -> set[str]:
    """Return the revisions that no other one follows, read from the text of the files."""
    revisions: set[str] = set()
    followed: set[str] = set()
    for file in versions.glob("*.py"):
        for line in REVISION.finditer(file.read_text(encoding="utf-8")):
            (followed if line[1] else revisions).update(QUOTED.findall(line[2]))
    return revisions - followed


def migrate(database: Database | str, package: str, *, wait_seconds: float = WAIT_SECONDS) -> bool:
    """Bring the database to the newest version; returns False when it already was. Two may start at once.

    Blocks; call it before the event loop starts. Raises SchemaMismatch when the database is newer than the program, or
    when a migration would leave rows without the row they refer to, and DatabaseUnavailable when the lock is not had in
    `wait_seconds`. After an error the database is what it was.
    """
    if is_current(database, package):
        return False
    from alembic import command
    from alembic.util import CommandError

    with _opened(database) as opened, _locked(opened, wait_seconds) as connection:
        try:
            command.upgrade(_config(package, connection), "head")
        except CommandError as error:
            raise SchemaMismatch(
                f"{package} does not know the version of this database ({error}); it was made by a newer program: "
                "install that one, or restore a backup"
            ) from error
        if connection.dialect.name == "sqlite":
            orphans = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
            if orphans:
                raise SchemaMismatch(f"after the migration rows refer to nothing, so it was undone: {orphans[:5]}")
    return True


def difference(database: Database | str, package: str, metadata: sa.MetaData) -> list[str]:
    """Return what the tables of a migrated database lack or have too much, compared with the MetaData; [] is right."""
    from alembic.autogenerate import compare_metadata
    from alembic.runtime.migration import MigrationContext

    with _opened(database) as opened, _locked(opened, WAIT_SECONDS) as connection:
        if set(MigrationContext.configure(connection).get_current_heads()) != heads(_versions(package)):
            return [f"the database is not at the newest version of {package}; migrate it first"]
        context = MigrationContext.configure(connection, opts={"compare_type": True, "target_metadata": metadata})
        found = [repr(change) for change in compare_metadata(context, metadata)]
        return found + list(_different_names(connection, metadata))


def draft(database: Database | str, package: str, metadata: sa.MetaData, message: str, revision: str) -> Path:
    """Write versions/REVISION.py with what is missing, and return its path; read it before you keep it.

    The database must be at the newest version; it is not changed.
    """
    from alembic import command

    # use_alter would leave the foreign keys out of op.create_table on PostgreSQL.
    plain = sa.MetaData()
    for table in metadata.tables.values():
        copy = table.to_metadata(plain)
        for key in copy.foreign_key_constraints:
            key.use_alter = False
    with _opened(database) as opened, _locked(opened, WAIT_SECONDS) as connection:
        config = _config(package, connection)
        config.attributes |= {"metadata": plain, "render_item": _render_item}
        config.set_main_option("file_template", "%%(rev)s")
        script = command.revision(config, message, autogenerate=True, rev_id=revision)
    path = cast("Any", script).path
    return Path(path)


def _different_names(connection: sa.Connection, metadata: sa.MetaData) -> Iterator[str]:
    """Alembic does not compare CHECKs, nor the names of keys; forms depend on them."""
    inspector = sa.inspect(connection)
    present = set(inspector.get_table_names())
    for table in metadata.sorted_tables:
        if table.name not in present:
            continue  # Alembic has said so
        real = {inspector.get_pk_constraint(table.name)["name"]}
        real |= {each["name"] for each in inspector.get_check_constraints(table.name)}
        real |= {each["name"] for each in inspector.get_foreign_keys(table.name)}
        real |= {each["name"] for each in inspector.get_unique_constraints(table.name)}
        declared = {str(constraint.name) for constraint in table.constraints}
        for name in sorted(declared - real):
            yield f"table {table.name} lacks the constraint {name}"
        for name in sorted(str(each) for each in real - declared):
            yield f"table {table.name} has the constraint {name}, which is not declared"


def _render_item(kind: str, item: Any, _context: Any) -> str | bool:
    """Write our column types as the plain SQL types they are, so that old migrations do not depend on our code."""
    if kind != "type" or not isinstance(item, StrictType):
        return False
    if isinstance(item, Moment):
        return 'sa.TIMESTAMP(timezone=True).with_variant(sa.Text(), "sqlite")'
    if isinstance(item, Day):
        return 'sa.Date().with_variant(sa.Text(), "sqlite")'
    if isinstance(item, Choice):
        return "sa.BigInteger()" if isinstance(item.values[0], int) else "sa.Text()"
    if isinstance(item, Json):
        return "sa.Text()"
    return f"sa.{item.impl_instance!r}"


def _config(package: str, connection: sa.Connection) -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(ENVIRONMENT).replace("%", "%%"))
    config.set_main_option("version_locations", str(_versions(package)).replace("%", "%%"))
    config.set_main_option("path_separator", "newline")  # a path may hold any other character
    config.attributes["connection"] = connection
    return config


def _versions(package: str) -> Path:
    found = importlib.util.find_spec(package)
    if found is None or not found.submodule_search_locations:
        raise SchemaMismatch(
            f"there is no package {package}, so there are no migrations; expected PACKAGE/versions/*.py"
        )
    return Path(next(iter(found.submodule_search_locations))) / "versions"


@contextmanager
def _opened(database: Database | str) -> Iterator[Database]:
    yield open_database(database) if isinstance(database, str) else database


@contextmanager
def _locked(database: Database, wait_seconds: float) -> Iterator[sa.Connection]:
    """Give one connection in one transaction that nobody else of this program has; commit at the end."""
    engine = (
        _sqlite_engine(database) if isinstance(database, SqliteDatabase) else _postgres_engine(database, wait_seconds)
    )
    with _file_lock(database, wait_seconds):
        try:
            with engine.begin() as connection:
                if connection.dialect.name == "postgresql":
                    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({ADVISORY_LOCK})")
                yield connection
        except sa.exc.DBAPIError as error:
            raise _translated(error) from error
        finally:
            engine.dispose()


def _translated(error: sa.exc.DBAPIError) -> DataError:
    return SchemaMismatch(f"the migration failed and was undone: {error.orig}; statement: {error.statement}")


@contextmanager
def _file_lock(database: Database, wait_seconds: float) -> Iterator[None]:
    from veche.data.sqlite.turns import FileLock

    if not isinstance(database, SqliteDatabase):
        yield
        return
    lock = FileLock(database.path.with_name(database.path.name + "-migrating"))
    lock.acquire_within(wait_seconds)
    try:
        yield
    finally:
        lock.close()


def _sqlite_engine(database: SqliteDatabase) -> sa.Engine:
    from veche.data.sqlite import dbapi
    from veche.data.sqlite.connections import open_writer

    def connect() -> dbapi.Connection:
        connection = open_writer(database.path, busy_milliseconds=5000)
        # A table that is rebuilt is dropped in between; foreign_key_check looks at the result.
        connection.execute("PRAGMA foreign_keys=OFF")
        return dbapi.Connection(connection)

    return sa.create_engine("sqlite://", module=dbapi, creator=connect, poolclass=sa.NullPool)


def _postgres_engine(database: Database, wait_seconds: float) -> sa.Engine:
    from veche.data.postgres import PostgresDatabase

    assert isinstance(database, PostgresDatabase), database
    return sa.create_engine(
        "postgresql+psycopg://", creator=lambda: database.connect_for_migration(wait_seconds), poolclass=sa.NullPool
    )
