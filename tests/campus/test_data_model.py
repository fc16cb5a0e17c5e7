"""The tables: spread as docs/data-model.md says, and made by the migrations exactly as they are declared."""

import re
from pathlib import Path

import campus.site  # every feature's tables are in METADATA once the site is composed
from campus.model import METADATA
from veche.data import migrations
from veche.data.lint import lint

PAGE = Path(__file__).parents[2] / "docs" / "data-model.md"
ROW = re.compile(r"^\| `(\w+)` \| (\w+) \| .+ \| `campus/(\S+)` \|$", re.MULTILINE)


def test_the_page_lists_every_table_with_its_scope_and_nothing_else() -> None:
    listed = {name: scope for name, scope, _file in ROW.findall(PAGE.read_text(encoding="utf-8"))}
    assert listed == {table.name: table.info["scope"] for table in METADATA.tables.values()}


def test_every_table_is_declared_where_the_page_says() -> None:
    for name, _scope, file in ROW.findall(PAGE.read_text(encoding="utf-8")):
        source = (Path(campus.site.__file__).parent / file).read_text(encoding="utf-8")
        assert f'table="{name}"' in source, f"{name} is not declared in campus/{file}"


def test_every_table_could_be_spread_over_many_machines() -> None:
    assert lint(METADATA, "community_id") == []


def test_the_migrations_make_the_declared_tables(database_url: str) -> None:
    assert migrations.migrate(database_url, "campus.migrations")
    assert migrations.difference(database_url, "campus.migrations", METADATA) == []
    assert not migrations.migrate(database_url, "campus.migrations"), "a second start has nothing to do"
