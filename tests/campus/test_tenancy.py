"""Every table and every statement of the site keeps to one community (docs/design.md §7)."""

from __future__ import annotations

import importlib
import pkgutil

import campus
from campus.model import METADATA
from veche.data import Statement
from veche.data.lint import lint, unscoped

TENANT_KEY = "community_id"


def statements() -> dict[str, Statement[object]]:
    found: dict[str, Statement[object]] = {}
    for module_info in pkgutil.walk_packages(campus.__path__, "campus."):
        if ".versions" in module_info.name or module_info.name.endswith("__main__"):
            continue
        module = importlib.import_module(module_info.name)
        for name, value in vars(module).items():
            if isinstance(value, Statement):
                found[f"{module_info.name}.{name}"] = value
    return found


def test_every_table_could_be_spread_over_many_machines() -> None:
    assert statements()  # so that every model is imported
    assert lint(METADATA, TENANT_KEY) == []


def test_no_statement_crosses_communities() -> None:
    crossing = {name: unscoped(statement.sql, TENANT_KEY) for name, statement in statements().items()}
    assert {name: tables for name, tables in crossing.items() if tables} == {}
