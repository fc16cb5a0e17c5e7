"""A class that is a msgspec.Struct for its instances and a SQLAlchemy Table for its queries.

One job: build the Table from the class, into the MetaData that an abstract base names.
Must not know: statements, connections, forms.

This is one of the two files with metaclass work (docs/design.md §10). How it holds together:

- `fields.py` makes `Thread.title` a column and `thread.title` a str for type checkers, without a plugin;
  `dataclass_transform` on the base class gives them the constructor.
- Instances are plain Structs: attribute speed, JSON, copy and pickle are msgspec's.
- Class access goes through a metaclass made for each table, with one data descriptor per column. (A descriptor in the
  slot's own place would make each instance read about 19 times slower.)
- Abstract bases own no struct fields; the table's class owns all of them, required ones first, so that rows load by
  position, `Thread(*row)`. Checkers still demand keywords.
"""

from __future__ import annotations

import typing
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, TypeAlias, cast, dataclass_transform

import msgspec
import sqlalchemy as sa

from veche.data.columns import Choice, Json, column_type
from veche.data.constraints import Check, Constraint, ForeignKey, Index, Unique, constraint_name
from veche.data.fields import FieldSpecification, field, own_fields, ref

Scope: TypeAlias = Literal["tenant", "reference", "local"]
SCOPES = typing.get_args(Scope)


class _ClassColumn:
    """Stands in a table's metaclass: reading `Thread.title` gives the column; nobody can replace it."""

    __slots__ = ("column",)

    column: sa.Column[Any]

    def __get__(self, cls: type, owner: type) -> sa.Column[Any]:
        return self.column

    def __set__(self, cls: type, value: object) -> None:
        raise AttributeError(f"{cls.__name__}.{self.column.name} is a column and cannot be replaced")


def _add_struct_fields(namespace: dict[str, Any], ordered: list[FieldSpecification]) -> None:
    annotations: dict[str, Any] = {}
    for each in ordered:
        options = each.options
        rules: dict[str, Any] = {
            "min_length": options.min_length,
            "max_length": options.max_length,
            "pattern": options.pattern,
        }
        rules |= {"ge": options.ge, "le": options.le, "description": options.doc}
        given: dict[str, Any] = {rule: value for rule, value in rules.items() if value is not None}
        annotations[each.name] = Annotated[each.declared, msgspec.Meta(**given)] if given else each.declared
        if options.default is not msgspec.NODEFAULT:
            namespace[each.name] = options.default
        elif options.default_factory is not msgspec.NODEFAULT:
            namespace[each.name] = msgspec.field(default_factory=options.default_factory)
    namespace["__annotations__"] = annotations


def _all_fields(name: str, models: list[ModelMeta], namespace: dict[str, Any]) -> dict[str, FieldSpecification]:
    fields: dict[str, FieldSpecification] = {}
    for base in reversed(models):
        if "__table__" in base.__dict__:
            raise TypeError(
                f"{name} extends {base.__name__}, which is a table; put the common fields into an abstract base"
            )
        fields.update(base.__fields__)
    fields.update(own_fields(name, namespace))
    return fields


def _key(table: str, fields: Mapping[str, FieldSpecification]) -> list[str]:
    key = [name for name, each in fields.items() if each.options.primary_key]
    if not key:
        raise TypeError(f"table {table} has no primary key; expected field(primary_key=True) on at least one field")
    return key


def _build_table(
    table: str,
    metadata: sa.MetaData,
    ordered: list[FieldSpecification],
    *,
    key: list[str],
    scope: Scope,
    rules: tuple[Constraint, ...],
) -> sa.Table:
    columns: list[sa.Column[Any]] = []
    all_rules = list(rules)
    for each in ordered:
        kind, nullable = column_type(each.declared)
        # autoincrement=False: ids come from the application, never from a sequence (a shard has its own).
        columns.append(sa.Column(each.name, kind, nullable=nullable, autoincrement=False, doc=each.options.doc))
        all_rules.extend(_column_rules(each, kind))
    primary_key = sa.PrimaryKeyConstraint(*key, name=constraint_name("pk", table))
    built = [rule.build(table) for rule in all_rules]
    return sa.Table(table, metadata, *columns, primary_key, *built, info={"scope": scope})


def _column_rules(each: FieldSpecification, kind: sa.types.TypeEngine[Any]) -> list[Constraint]:
    """Return the rules that one field's options ask of the database."""
    name, options = each.name, each.options
    rules: list[Constraint] = []
    lengths = _between(f"length({name})", options.min_length, options.max_length)
    if lengths:
        rules.append(Check(f"{name}_length", lengths))
    limits = _between(name, options.ge, options.le)
    if limits:
        rules.append(Check(f"{name}_range", limits))
    if isinstance(kind, Choice):
        quoted = [
            str(value) if isinstance(value, int) else "'" + value.replace("'", "''") + "'" for value in kind.values
        ]
        rules.append(Check(f"{name}_choice", f"{name} IN ({', '.join(quoted)})"))
    if each.target is not None:
        rules.append(ForeignKey((name,), cast("type[Model]", each.target).__table__.name, options.on_delete))
    if options.unique:
        rules.append(Unique(name))
    if options.index:
        rules.append(Index(name))
    return rules


def _between(what: str, least: int | None, most: int | None) -> str:
    conditions = [f"{what} >= {least}"] if least is not None else []
    if most is not None:
        conditions.append(f"{what} <= {most}")
    return " AND ".join(conditions)


class ModelMeta(msgspec.StructMeta):
    """Builds the Table of each concrete class; abstract ones only hand their fields and MetaData down."""

    __fields__: Mapping[str, FieldSpecification]
    __metadata__: sa.MetaData | None

    def __new__(
        mcs,
        name: str,
        bases: tuple[type, ...],
        namespace: dict[str, Any],
        *,
        abstract: bool = False,
        metadata: sa.MetaData | None = None,
        table: str | None = None,
        scope: Scope | None = None,
        constraints: tuple[Constraint, ...] = (),
        **struct_options: Any,
    ) -> Any:
        models = [base for base in bases if isinstance(base, ModelMeta)]
        fields = _all_fields(name, models, namespace)
        if metadata is None:
            metadata = next((base.__metadata__ for base in models if base.__metadata__ is not None), None)
        if abstract:
            if table is not None or scope is not None or constraints:
                raise TypeError(f"{name} is abstract; table, scope and constraints belong to the class of a table")
            cls: Any = super().__new__(mcs, name, bases, namespace, **struct_options)
            cls.__fields__, cls.__metadata__ = fields, metadata
            return cls
        if table is None or scope is None or scope not in SCOPES or metadata is None:
            raise TypeError(
                f'{name} needs table="…" and scope= one of {SCOPES}, and an abstract base with metadata=MetaData(); '
                "a base without a table says abstract=True"
            )
        ordered = sorted(fields.values(), key=lambda each: not each.options.required)
        columns = {each.name: _ClassColumn() for each in ordered}
        own_meta = type(f"{name}Meta", (mcs,), dict(columns))
        _add_struct_fields(namespace, ordered)
        # Rows of scalars cannot form cycles, so the collector need not look at them.
        struct_options.setdefault("gc", any(isinstance(column_type(each.declared)[0], Json) for each in ordered))
        cls = msgspec.StructMeta.__new__(own_meta, name, bases, namespace, **struct_options)
        cls.__fields__, cls.__metadata__ = fields, metadata
        cls.__table__ = _build_table(table, metadata, ordered, key=_key(table, fields), scope=scope, rules=constraints)
        for column_name, class_column in columns.items():
            class_column.column = cls.__table__.columns[column_name]
        return cls

    def __clause_element__(self) -> sa.Table:
        """Let SQLAlchemy take the class wherever it takes a table: select(Thread).join(Category, ...)."""
        return cast("sa.Table", self.__dict__["__table__"])

    if not TYPE_CHECKING:  # a checker must find unknown names by itself

        def __getattr__(self, name):
            # Reached only when ordinary lookup failed, so it costs nothing on tables.
            if name in self.__dict__.get("__fields__", ()) or name == "__table__":
                raise AttributeError(
                    f"{self.__name__} is abstract and has no table, so no column {name}; use a class with one"
                )
            raise AttributeError(f"{self.__name__} has no field or attribute {name!r}")


@dataclass_transform(field_specifiers=(field, ref), kw_only_default=True)
class Model(msgspec.Struct, metaclass=ModelMeta, abstract=True):
    """The base of every table's class; `class CampusModel(Model, abstract=True, metadata=METADATA)` is a site's own."""

    if TYPE_CHECKING:
        __table__: ClassVar[sa.Table]

        def __init_subclass__(
            cls,
            *,
            abstract: bool = False,
            metadata: sa.MetaData | None = None,
            table: str | None = None,
            scope: Scope | None = None,
            constraints: tuple[Constraint, ...] = (),
            frozen: bool = False,
            gc: bool = True,
            weakref: bool = False,
            order: bool = False,
            rename: str | None = None,
        ) -> None: ...
