"""The history of the tables: complete or not at all, once, on either engine."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import sqlalchemy as sa

from data.school import METADATA
from veche.data import SchemaMismatch, migrations, open_database

PACKAGE = "history"
SECOND = """
import sqlalchemy as sa
from alembic import op
revision = "0002"
down_revision = "0001"
def upgrade() -> None:
    op.create_table("extra", sa.Column("id", sa.BigInteger()), sa.PrimaryKeyConstraint("id", name="pk_extra"))
    {more}
"""


@pytest.fixture
def versions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "packages" / PACKAGE / "versions"
    folder.mkdir(parents=True)
    (folder.parent / "__init__.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path / "packages"))
    monkeypatch.delitem(sys.modules, PACKAGE, raising=False)
    return folder


def test_a_draft_makes_exactly_the_declared_tables(database_url: str, versions: Path) -> None:
    assert not migrations.is_current(database_url, PACKAGE)
    path = migrations.draft(database_url, PACKAGE, METADATA, "Start", "0001")
    assert path == versions / "0001.py"
    assert migrations.migrate(database_url, PACKAGE) is True
    assert migrations.is_current(database_url, PACKAGE)
    assert migrations.migrate(database_url, PACKAGE) is False
    assert migrations.difference(database_url, PACKAGE, METADATA) == []


def test_a_difference_is_found_down_to_the_name_of_a_check(database_url: str, versions: Path) -> None:
    path = migrations.draft(database_url, PACKAGE, METADATA, "Start", "0001")
    text = path.read_text().replace("ck_person_name_length", "ck_person_length")
    text = text.replace("sa.Column('summary', sa.Text(), autoincrement=False, nullable=True),", "")
    path.write_text(text)
    migrations.migrate(database_url, PACKAGE)
    found = "\n".join(migrations.difference(database_url, PACKAGE, METADATA))
    assert "table person lacks the constraint ck_person_name_length" in found
    assert "table person has the constraint ck_person_length, which is not declared" in found
    assert "add_column" in found
    assert "summary" in found


def test_a_migration_that_fails_leaves_nothing(database_url: str, versions: Path) -> None:
    migrations.draft(database_url, PACKAGE, METADATA, "Start", "0001")
    migrations.migrate(database_url, PACKAGE)
    (versions / "0002.py").write_text(SECOND.format(more='op.execute("SELECT nonsense FROM nowhere")'))
    assert not migrations.is_current(database_url, PACKAGE)
    with pytest.raises(SchemaMismatch, match="was undone"):
        migrations.migrate(database_url, PACKAGE)
    (versions / "0002.py").write_text(SECOND.format(more=""))  # it would fail if the table were there
    assert migrations.migrate(database_url, PACKAGE) is True


def test_a_database_of_a_newer_program_is_refused(database_url: str, versions: Path) -> None:
    migrations.draft(database_url, PACKAGE, METADATA, "Start", "0001")
    (versions / "0002.py").write_text(SECOND.format(more=""))
    migrations.migrate(database_url, PACKAGE)
    (versions / "0002.py").unlink()
    with pytest.raises(SchemaMismatch, match="newer program"):
        migrations.migrate(database_url, PACKAGE)


def test_sqlite_rows_that_would_refer_to_nothing_undo_the_migration(sqlite_url: str, versions: Path) -> None:
    migrations.draft(sqlite_url, PACKAGE, METADATA, "Start", "0001")
    migrations.migrate(sqlite_url, PACKAGE)
    orphan = "INSERT INTO message (community_id, id, room_id, revision, text) VALUES (1, 1, 7, 1, 'x')"
    (versions / "0002.py").write_text(SECOND.format(more=f'op.execute("{orphan}")'))
    with pytest.raises(SchemaMismatch, match="refer to nothing"):
        migrations.migrate(sqlite_url, PACKAGE)
    assert open_database(sqlite_url).execute_query("SELECT count(*) FROM message") == [(0,)]


def test_starting_four_at_once_migrates_once(database_url: str, versions: Path) -> None:
    migrations.draft(database_url, PACKAGE, METADATA, "Start", "0001")
    program = textwrap.dedent(f"""
        import sys
        sys.path.insert(0, {str(versions.parents[1])!r})
        from veche.data import migrations
        print(migrations.migrate({database_url!r}, {PACKAGE!r}))
    """)
    starts = [subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) for _ in range(4)]
    answers = sorted(start.communicate(timeout=60)[0].strip() for start in starts)
    assert all(start.returncode == 0 for start in starts)
    # Whoever waited for the lock runs Alembic too, which then finds nothing to do; the tables are made once.
    assert answers.count("True") >= 1
    assert migrations.difference(database_url, PACKAGE, METADATA) == []


def test_asking_whether_the_tables_are_current_loads_no_alembic(sqlite_url: str, versions: Path) -> None:
    migrations.draft(sqlite_url, PACKAGE, METADATA, "Start", "0001")
    migrations.migrate(sqlite_url, PACKAGE)
    program = textwrap.dedent(f"""
        import sys
        sys.path.insert(0, {str(versions.parents[1])!r})
        from veche.data import migrations
        assert migrations.is_current({sqlite_url!r}, {PACKAGE!r})
        assert not migrations.migrate({sqlite_url!r}, {PACKAGE!r})
        print("alembic" in sys.modules, "psycopg" in sys.modules, "sqlite3" in sys.modules)
    """)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False", "False"]


def test_heads_are_read_from_the_text_of_the_files(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text('revision = "a"\ndown_revision = None\n')
    (tmp_path / "b.py").write_text("revision: str = 'b'\ndown_revision: str | None = 'a'\n")
    (tmp_path / "c.py").write_text('revision = "c"\ndown_revision = "a"\n')
    assert migrations.heads(tmp_path) == {"b", "c"}
    (tmp_path / "d.py").write_text('revision = "d"\ndown_revision = ("b", "c")\n')
    assert migrations.heads(tmp_path) == {"d"}


def test_the_metadata_is_not_changed_by_comparing(database_url: str, versions: Path) -> None:
    migrations.draft(database_url, PACKAGE, METADATA, "Start", "0001")
    assert all(key.use_alter for table in METADATA.sorted_tables for key in table.foreign_key_constraints)
    assert isinstance(METADATA, sa.MetaData)
