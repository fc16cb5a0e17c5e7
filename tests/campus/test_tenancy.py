"""Every statement of the site keeps to one community (docs/design.md §7); test_data_model.py looks at the tables."""

from __future__ import annotations

import importlib
import pkgutil

import campus
from veche.data import Statement
from veche.data.lint import unscoped

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


def test_no_statement_crosses_communities() -> None:
    assert statements()
    crossing = {name: unscoped(statement.sql, TENANT_KEY) for name, statement in statements().items()}
    assert {name: tables for name, tables in crossing.items() if tables} == {}
