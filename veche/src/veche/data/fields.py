"""The fields of a model, as its class declares them.

One job: what `title: Field[str] = field(max_length=120)` says, for type checkers and at run time.
Must not know: tables, statements.

For a type checker `Field[T]` is a descriptor: on the class it is a column, on an instance a `T`. At run time
`Field[T]` is `Annotated[T, mark]`, the descriptor does not exist, and instances are plain Structs.
"""

from __future__ import annotations

import sys
import typing
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Generic, TypeVar, cast, overload

import msgspec
import sqlalchemy as sa

from veche.data.constraints import OnDelete

if TYPE_CHECKING:
    from veche.data.model import Model

T = TypeVar("T")


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
    M = TypeVar("M", bound=Model)

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


def _own_annotations(namespace: dict[str, Any]) -> dict[str, Any]:
    if "__annotations__" in namespace:
        return cast("dict[str, Any]", namespace["__annotations__"])
    if sys.version_info >= (3, 14):  # PEP 649: the namespace holds a function
        import annotationlib

        annotate = annotationlib.get_annotate_from_class_namespace(namespace)
        if annotate is not None:
            return annotationlib.call_annotate_function(annotate, annotationlib.Format.VALUE)
    return {}


def own_fields(class_name: str, namespace: dict[str, Any]) -> dict[str, FieldSpecification]:
    """Take the fields out of a class body and return them; raises TypeError for what is no field."""
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
    marks = getattr(annotation, "__metadata__", None)
    if not isinstance(marks, tuple) or not isinstance(marks[-1], (_FieldMark, _RefMark)):
        raise TypeError(f"{where} is annotated {annotation!r}; expected Field[...], Ref[...] or ClassVar[...]")
    if not isinstance(options, FieldOptions):
        raise TypeError(f"{where} = {options!r:.60}; expected field(default=...) or ref(...)")
    if isinstance(options.default, sa.ColumnElement):
        raise TypeError(f"{where} has a column as its default; expected a value")
    if isinstance(options.default, (list, dict, set)):
        raise TypeError(f"{where} would share one {type(options.default).__name__}; expected default_factory=...")
    declared, mark = annotation.__origin__, marks[-1]
    if isinstance(mark, _RefMark):
        if not isinstance(mark.target, type) or "__table__" not in mark.target.__dict__:
            raise TypeError(f"{where}: Ref[{mark.target!r}]; expected a model that has a table and is declared before")
        return FieldSpecification(name, declared, options, mark.target)
    return FieldSpecification(name, declared, options)
