"""A statement that is compiled once and executed often.

One job: from a SQLAlchemy statement to SQL text, ordered parameters and a row loader, once per dialect.
Must not know: connections, transactions.

Two tiers keep compiling (about 200 µs) out of requests: a Statement at module level keeps its own plan; one that is
built per call finds the plan of its shape in a bounded cache (about 25 µs).
"""

from __future__ import annotations

import decimal
import itertools
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Generic, TypeVar, TypeVarTuple, cast, overload

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.sql.base import Executable
from sqlalchemy.sql.dml import UpdateBase
from sqlalchemy.sql.elements import BindParameter
from sqlalchemy.sql.selectable import ReturnsRows, TypedReturnsRows
from sqlalchemy.types import NullType

from veche.data.columns import Integer
from veche.data.errors import DataError, StatementWrong
from veche.data.model import ModelMeta

R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)
Ts = TypeVarTuple("Ts")
Row = tuple[Any, ...]
Processor = Callable[[Any], Any]
PLANS_KEPT: Final = 500


class Plan:
    """What one statement shape means in one dialect; shared by every Statement of that shape."""

    def __init__(self, sql: Executable, shape: type | None, dialect: Dialect) -> None:
        try:
            compiled: Any = sql.compile(dialect=dialect)  # type: ignore[attr-defined]  # every Executable we take has it
        except sa.exc.SQLAlchemyError as error:
            raise StatementWrong(f"the statement cannot be written for {dialect.name}: {error}") from error
        self.source = sql
        self.sql = str(compiled)
        if "POSTCOMPILE" in self.sql:
            raise StatementWrong(f"a list is used outside IN, so the SQL would depend on it: {self.sql}")
        self.names: Sequence[str] = compiled.positiontup or ()
        self.binds: Mapping[str, BindParameter[Any]] = compiled.binds
        self.name_of_key = {bind.key: name for bind, name in compiled.bind_names.items()}
        self.processors = {name: _bind_processor(bind, dialect) for name, bind in self.binds.items()}
        self.writes = isinstance(sql, UpdateBase) or _is_writing_text(sql)
        self.table: sa.Table | None = cast("sa.Table", sql.table) if isinstance(sql, UpdateBase) else None
        columns = list(sql.exported_columns) if isinstance(sql, ReturnsRows) else []
        self.load = _make_loader(columns, shape, dialect)


class Prepared(Generic[R_co]):
    """One Statement in one dialect: its plan, and its own fixed values in their places."""

    __slots__ = ("_given", "_known", "_template", "load", "plan", "sql")

    def __init__(self, plan: Plan, literals: Mapping[str, object]) -> None:
        self.plan = plan
        self.sql = plan.sql
        self.load: Callable[[Sequence[Row]], list[R_co]] = plan.load
        self._template: list[Any] = [None] * len(plan.names)
        self._given: list[tuple[int, str, Processor | None, bool]] = []
        for index, name in enumerate(plan.names):
            bind, process = plan.binds[name], plan.processors[name]
            if name in literals or not bind.required:
                value = literals.get(name, bind.effective_value)
                self._template[index] = value if process is None else process(value)
            if not bind.unique:
                self._given.append((index, name, process, bind.required))
        self._known = {name for _index, name, _process, _required in self._given}

    def arguments(self, parameters: Mapping[str, object]) -> tuple[Any, ...]:
        """Return the values in the order of the SQL text.

        Raises TypeError for a missing or unknown parameter, ValueRefused for a value that its column cannot hold.
        """
        values = self._template.copy()
        for index, name, process, required in self._given:
            if name in parameters:
                value = parameters[name]
                values[index] = value if process is None else process(value)
            elif required:
                raise TypeError(f"parameter {name!r} is missing; the statement takes {sorted(self._known)}")
        if len(parameters) > len(self._known) or not parameters.keys() <= self._known:
            unknown = sorted(parameters.keys() - self._known)
            raise TypeError(f"unknown parameters {unknown}; the statement takes {sorted(self._known)}")
        return tuple(values)


class PlanCache:
    """The plans of recent statement shapes, the least recently used one dropped first."""

    def __init__(self, size: int = PLANS_KEPT) -> None:
        self._size = size
        self._plans: OrderedDict[Any, tuple[Plan, tuple[str | None, ...]]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._plans)

    def prepare(self, sql: Executable, shape: type | None, dialect: Dialect) -> Prepared[Any]:
        """Return the prepared statement; compiles only a shape that was not met lately."""
        # The one private call (facts: SQLAlchemy gives no other key of a statement's shape); None means "never cache".
        key = sql._generate_cache_key()  # type: ignore[attr-defined]  # see above
        if key is None:
            return Prepared(Plan(sql, shape, dialect), {})
        full_key = (dialect.name, shape, key.key)
        found = self._plans.get(full_key)
        if found is None:
            plan = Plan(sql, shape, dialect)
            found = plan, tuple(plan.name_of_key.get(bind.key) for bind in key.bindparams)
            self._plans[full_key] = found
            if len(self._plans) > self._size:
                self._plans.popitem(last=False)
        else:
            self._plans.move_to_end(full_key)
        plan, names = found
        literals = {
            name: bind.effective_value
            for name, bind in zip(names, key.bindparams, strict=True)
            if name is not None and not bind.required
        }
        return Prepared(plan, literals)


# Plans depend on nothing but the statement, so one cache serves the process.
PLANS: Final = PlanCache()


class Statement(Generic[R_co]):
    """A select, insert, update or delete with named parameters, and the type of its rows.

    shape: a Model or any msgspec.Struct whose fields are named like the selected columns; without one, rows are tuples.
    Build it once, at module level; parameters are `sqlalchemy.bindparam("name")`. Lists go with `column.in_(...)`.
    """

    __slots__ = ("_prepared", "shape", "sql")

    @overload
    def __init__(self: Statement[R], sql: Executable, shape: type[R]) -> None: ...
    @overload
    def __init__(self: Statement[tuple[*Ts]], sql: TypedReturnsRows[*Ts], shape: None = None) -> None: ...
    @overload
    def __init__(self: Statement[tuple[Any, ...]], sql: Executable, shape: None = None) -> None: ...
    def __init__(self, sql: Executable, shape: type[Any] | None = None) -> None:
        self.sql = sql
        self.shape = shape
        self._prepared: dict[str, Prepared[R_co]] = {}

    def prepare(self, dialect: Dialect) -> Prepared[R_co]:
        """Return this statement in the dialect; the same object each time."""
        prepared = self._prepared.get(dialect.name)
        if prepared is None:
            prepared = self._prepared[dialect.name] = PLANS.prepare(self.sql, self.shape, dialect)
        return prepared


def _bind_processor(bind: BindParameter[Any], dialect: Dialect) -> Processor | None:
    return cast("Processor | None", bind.type.dialect_impl(dialect).bind_processor(dialect))


def _result_processor(column: Any, dialect: Dialect) -> Processor | None:
    kind = column.type
    if not isinstance(column, sa.Column) and isinstance(kind, (Integer, sa.Integer)):
        return _whole_number  # PostgreSQL's sum() of whole numbers is a Decimal
    if isinstance(kind, (sa.Numeric, sa.Float)) or (isinstance(kind, NullType) and not isinstance(column, sa.Column)):
        return _binary_number  # avg() and round(): a Decimal there, a float on SQLite
    return cast("Processor | None", kind.dialect_impl(dialect).result_processor(dialect, None))


def _whole_number(value: Any) -> Any:
    return int(value) if isinstance(value, decimal.Decimal) else value


def _binary_number(value: Any) -> Any:
    return float(value) if isinstance(value, decimal.Decimal) else value


def _is_writing_text(sql: Executable) -> bool:
    return isinstance(sql, sa.TextClause) and not sql.text.lstrip().upper().startswith(("SELECT", "WITH", "VALUES"))


def _make_loader(columns: Sequence[Any], shape: type | None, dialect: Dialect) -> Callable[[Sequence[Row]], list[Any]]:
    """Return a function from rows to `shape`s; its source is written for these columns, as rows are the hot path."""
    processors = [_result_processor(column, dialect) for column in columns]
    names = [getattr(column, "name", "") for column in columns]
    if shape is None:
        if not any(processors):
            return list
        return _compile_loader(_values(processors, range(len(columns)), trailing=True), tuple, processors, len(columns))
    order = _order(names, shape)
    if isinstance(shape, ModelMeta):
        if list(order.values()) == list(range(len(columns))) and not any(processors):
            return lambda rows: list(itertools.starmap(shape, rows))
        call = f"shape({_values(processors, order.values())})"
    else:
        pairs = [f"{name}={_values(processors, [index])}" for name, index in order.items()]
        call = f"shape({', '.join(pairs)})"
    return _compile_loader(call, shape, processors, len(columns))


def _order(names: list[str], shape: type) -> dict[str, int]:
    """Return where in the row each field of the shape stands, in the order of the fields."""
    if not issubclass(shape, msgspec.Struct):
        raise TypeError(f"rows cannot become {shape!r}; expected a Model or a msgspec.Struct")
    fields = {each.name: each for each in msgspec.structs.fields(shape)}
    repeated = sorted({name for name in names if names.count(name) > 1})
    unknown = sorted(set(names) - fields.keys())
    if repeated or unknown:
        raise StatementWrong(
            f"{shape.__name__} cannot be filled: columns {repeated} are repeated and {unknown} are not its fields; "
            'use .label("name") on them or select fewer'
        )
    missing = [name for name, each in fields.items() if name not in names and each.required]
    if missing or (isinstance(shape, ModelMeta) and len(names) < len(fields)):
        absent = missing or sorted(fields.keys() - set(names))
        raise StatementWrong(f"{shape.__name__} cannot be filled: its fields {absent} are not selected")
    return {name: names.index(name) for name in fields if name in names}


def _values(processors: Sequence[Processor | None], order: Any, *, trailing: bool = False) -> str:
    parts = [f"c{index}" if processors[index] is None else f"p{index}(c{index})" for index in order]
    return f"({', '.join(parts)},)" if trailing else ", ".join(parts)


def _compile_loader(
    expression: str, shape: type, processors: Sequence[Processor | None], count: int
) -> Callable[[Sequence[Row]], list[Any]]:
    row = ", ".join(f"c{index}" for index in range(count))
    names: dict[str, Any] = {f"p{index}": processor for index, processor in enumerate(processors)} | {"shape": shape}
    # Only names that this module makes stand in the source; the field names are Python identifiers of a class.
    exec(f"def load(rows): return [{expression} for {row}, in rows]", names)  # noqa: S102
    return cast("Callable[[Sequence[Row]], list[Any]]", names["load"])


__all__ = ["PLANS", "DataError", "Plan", "PlanCache", "Prepared", "Row", "Statement"]
