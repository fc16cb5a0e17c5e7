"""A class that is a msgspec.Struct for its instances and a SQLAlchemy Table for its queries.

One job: build the Table from the class, into the MetaData that an abstract base names.
Must not know: statements, connections, forms.

This is one of the two files with metaclass work (docs/design.md §10). How it holds together:

- For a type checker `Field[T]` is a descriptor: `Thread.title` is a column, `thread.title` a `T`; `dataclass_transform`
  gives the constructor. At run time `Field[T]` is `Annotated[T, mark]` and the descriptor does not exist.
- Instances are plain Structs: attribute speed, JSON, copy and pickle are msgspec's.
- Class access goes through a metaclass made for each table, with one data descriptor per column. (A descriptor in the
  slot's own place would make each instance read about 19 times slower.)
- Abstract bases own no struct fields; the table's class owns all of them, required ones first, so that rows load by
  position, `Thread(*row)`. Checkers still demand keywords.
"""

from __future__ import annotations

import sys
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    ClassVar,
    Generic,
    Literal,
    TypeAlias,
    TypeVar,
    cast,
    dataclass_transform,
    overload,
)

import msgspec
import sqlalchemy as sa

from veche.data.columns import Choice, Json, column_type
from veche.data.constraints import Check, Constraint, ForeignKey, Index, OnDelete, Unique, constraint_name

T = TypeVar("T")
Scope: TypeAlias = Literal["tenant", "reference", "local"]
SCOPES = typing.get_args(Scope)


@dataclass(frozen=True)
class FieldOptions:
    """What field() or ref() was told; it stands in the class body and never reaches an instance."""

    default: Any = msgspec.NODEFAULT
    default_factory: Any = msgspec.NODEFAULT
    primary_key: bool = False
    min_length: int | None = None
    max_length: int | None = None
    pattern: str | None = None
    ge: int | None = None
    le: int | None = None
    unique: bool = False
    index: bool = False
    doc: str | None = None
    on_delete: OnDelete = "NO ACTION"

    @property
    def required(self) -> bool:
        """True when the constructor must be given a value."""
        return self.default is msgspec.NODEFAULT and self.default_factory is msgspec.NODEFAULT


@dataclass(frozen=True)
class FieldSpecification:
    """One declared field: its name, its Python type and its options."""

    name: str
    declared: Any
    options: FieldOptions
    target: type | None = None  # of a Ref


class _FieldMark:
    """Marks the annotation of a Field at run time."""


@dataclass(frozen=True)
class _RefMark:
    """Marks the annotation of a Ref at run time, and keeps whose table it refers to."""

    target: Any


if TYPE_CHECKING:
    M = TypeVar("M", bound="Model")

    class Field(Generic[T]):
        """A field of a model: a column on the class, a plain value on an instance."""

        @overload
        def __get__(self, instance: None, owner: type) -> sa.Column[T]: ...
        @overload
        def __get__(self, instance: object, owner: type) -> T: ...
        def __get__(self, instance: object, owner: type) -> Any: ...
        def __set__(self, instance: object, value: T) -> None: ...

    class Ref(Field[int], Generic[M]):
        """A field that holds the `id` of a row of another model's table."""

else:

    class Field:
        """A field of a model: a column on the class, a plain value on an instance."""

        def __class_getitem__(cls, declared):
            return Annotated[declared, _FieldMark()]

    class Ref:
        """A field that holds the `id` of a row of another model's table."""

        def __class_getitem__(cls, target):
            return Annotated[int, _RefMark(target)]


@overload
def field(
    *,
    default: T,
    primary_key: bool = False,
    min_length: int | None = None,
    max_length: int | None = None,
    pattern: str | None = None,
    ge: int | None = None,
    le: int | None = None,
    unique: bool = False,
    index: bool = False,
    doc: str | None = None,
) -> Field[T]: ...
@overload
def field(
    *,
    default_factory: Callable[[], T],
    primary_key: bool = False,
    min_length: int | None = None,
    max_length: int | None = None,
    pattern: str | None = None,
    ge: int | None = None,
    le: int | None = None,
    unique: bool = False,
    index: bool = False,
    doc: str | None = None,
) -> Field[T]: ...
@overload
def field(
    *,
    primary_key: bool = False,
    min_length: int | None = None,
    max_length: int | None = None,
    pattern: str | None = None,
    ge: int | None = None,
    le: int | None = None,
    unique: bool = False,
    index: bool = False,
    doc: str | None = None,
) -> Any: ...
def field(
    *,
    default: Any = msgspec.NODEFAULT,
    default_factory: Any = msgspec.NODEFAULT,
    primary_key: bool = False,
    min_length: int | None = None,
    max_length: int | None = None,
    pattern: str | None = None,
    ge: int | None = None,
    le: int | None = None,
    unique: bool = False,
    index: bool = False,
    doc: str | None = None,
) -> Any:
    """Say more about a field: `title: Field[str] = field(max_length=120)`.

    min_length, max_length (characters), ge, le: a named CHECK in the database and a rule in the JSON schema.
    pattern: a regular expression for the JSON schema and for forms; databases disagree on them and do not check it.
    unique, index: of this column alone; on several columns use `constraints=(Unique(...), Index(...))`.
    """
    return FieldOptions(
        default, default_factory, primary_key, min_length, max_length, pattern, ge, le, unique, index, doc
    )


def ref(*, on_delete: OnDelete = "NO ACTION", index: bool = True, doc: str | None = None) -> Any:
    """Say more about a `Ref[...]`: what happens to this row when the other goes; `index` is on, as deletes need it."""
    return FieldOptions(on_delete=on_delete, index=index, doc=doc)


class _ClassColumn:
    """Stands in a table's metaclass: reading `Thread.title` gives the column; nobody can replace it."""

    __slots__ = ("column",)

    column: sa.Column[Any]

    def __get__(self, cls: type, owner: type) -> sa.Column[Any]:
        return self.column

    def __set__(self, cls: type, value: object) -> None:
        raise AttributeError(f"{cls.__name__}.{self.column.name} is a column and cannot be replaced")


def _own_annotations(namespace: dict[str, Any]) -> dict[str, Any]:
    if "__annotations__" in namespace:
        return cast("dict[str, Any]", namespace["__annotations__"])
    if sys.version_info >= (3, 14):  # PEP 649: the namespace holds a function
        import annotationlib

        annotate = annotationlib.get_annotate_from_class_namespace(namespace)
        if annotate is not None:
            return annotationlib.call_annotate_function(annotate, annotationlib.Format.VALUE)
    return {}


def _own_fields(class_name: str, namespace: dict[str, Any]) -> dict[str, FieldSpecification]:
    module = sys.modules.get(namespace.get("__module__", ""))
    names = dict(vars(module)) if module is not None else {}
    fields: dict[str, FieldSpecification] = {}
    for name, annotation in _own_annotations(namespace).items():
        if isinstance(annotation, str):
            try:
                annotation = eval(annotation, names, namespace)  # noqa: S307, PLW2901  # the class's own source
            except (NameError, AttributeError) as error:
                raise TypeError(
                    f"{class_name}.{name}: {error}; every name in a Field[...] must be imported at module level (not "
                    "under TYPE_CHECKING); for a table declared later use Field[int] and ForeignKey by table name"
                ) from error
        if typing.get_origin(annotation) is ClassVar or annotation is ClassVar:
            continue
        fields[name] = _field(f"{class_name}.{name}", name, annotation, namespace.pop(name, FieldOptions()))
    namespace.pop("__annotations__", None)
    namespace.pop("__annotate_func__", None)
    namespace.pop("__annotate__", None)
    return fields


def _field(where: str, name: str, annotation: Any, options: Any) -> FieldSpecification:
    marks = getattr(annotation, "__metadata__", ())
    if not marks or not isinstance(marks[-1], (_FieldMark, _RefMark)):
        raise TypeError(f"{where} is annotated {annotation!r}; expected Field[...], Ref[...] or ClassVar[...]")
    if not isinstance(options, FieldOptions):
        raise TypeError(f"{where} = {options!r:.60}; expected field(default=...) or ref(...)")
    if isinstance(options.default, sa.ColumnElement):
        raise TypeError(f"{where} has a column as its default; expected a value")
    if isinstance(options.default, (list, dict, set)):
        raise TypeError(f"{where} would share one {type(options.default).__name__}; expected default_factory=...")
    declared, mark = annotation.__origin__, marks[-1]
    if isinstance(mark, _RefMark):
        if not isinstance(mark.target, ModelMeta) or "__table__" not in mark.target.__dict__:
            raise TypeError(f"{where}: Ref[{mark.target!r}]; expected a model that has a table and is declared before")
        return FieldSpecification(name, declared, options, mark.target)
    return FieldSpecification(name, declared, options)


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


def _build_table(
    table: str,
    metadata: sa.MetaData,
    *,
    scope: Scope,
    ordered: list[FieldSpecification],
    declared_order: tuple[str, ...],
    constraints: tuple[Constraint, ...],
) -> sa.Table:
    by_name = {each.name: each for each in ordered}
    columns: list[sa.Column[Any]] = []
    rules: list[Constraint] = list(constraints)
    for each in ordered:
        kind, nullable = column_type(each.declared)
        # autoincrement=False: ids come from the application, never from a sequence (a shard has its own).
        columns.append(sa.Column(each.name, kind, nullable=nullable, autoincrement=False, doc=each.options.doc))
        rules.extend(_column_rules(each, kind))
    key = [name for name in declared_order if by_name[name].options.primary_key]
    if not key:
        raise TypeError(f"table {table} has no primary key; expected field(primary_key=True) on at least one field")
    primary_key = sa.PrimaryKeyConstraint(*key, name=constraint_name("pk", table))
    built = [rule.build(table) for rule in rules]
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
        for base in models:
            if "__table__" in base.__dict__:
                raise TypeError(
                    f"{name} extends {base.__name__}, which is a table; put the common fields into an abstract base"
                )
        specifications: dict[str, FieldSpecification] = {}
        for base in reversed(models):
            specifications.update(base.__fields__)
        specifications.update(_own_fields(name, namespace))
        if metadata is None:
            metadata = next((base.__metadata__ for base in models if base.__metadata__ is not None), None)
        if abstract:
            if table is not None or scope is not None or constraints:
                raise TypeError(f"{name} is abstract; table, scope and constraints belong to the class of a table")
            cls: Any = super().__new__(mcs, name, bases, namespace, **struct_options)
            cls.__fields__ = specifications
            cls.__metadata__ = metadata
            return cls
        if table is None or scope is None or scope not in SCOPES or metadata is None:
            raise TypeError(
                f'{name} needs table="…" and scope= one of {SCOPES}, and an abstract base with metadata=MetaData(); '
                "a base without a table says abstract=True"
            )
        ordered = sorted(specifications.values(), key=lambda each: not each.options.required)
        _add_struct_fields(namespace, ordered)
        columns = {each.name: _ClassColumn() for each in ordered}
        own_meta = type(f"{name}Meta", (mcs,), dict(columns))
        struct_options.setdefault("gc", any(isinstance(column_type(each.declared)[0], Json) for each in ordered))
        cls = msgspec.StructMeta.__new__(own_meta, name, bases, namespace, **struct_options)
        cls.__fields__ = specifications
        cls.__metadata__ = metadata
        cls.__table__ = _build_table(
            table,
            metadata,
            scope=scope,
            ordered=ordered,
            declared_order=tuple(specifications),
            constraints=constraints,
        )
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
