"""A handler's arguments: its signature is read once, at start, and becomes a list of fillers.

One job: signature → plan → arguments of one call.
Must not know: the wire, the database, what the providers give.

This is one of the two places where signatures are read (HOUSE-STYLE 11). In this order, a parameter is
1. the connection itself (Request, WebSocket, HTTPConnection), 2. what a provider gives for its type,
3. what its type reads from the request (`from_request`: Form[T], Body[T]), 4. a variable of the path with its name,
5. a field of the query with its name. Anything else is an error at start that names file and line.
"""

import enum
import inspect
import types
import typing
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import date, datetime
from functools import partial
from typing import Annotated, Any, Final, Literal, Protocol, TypeAlias, Union
from uuid import UUID

import msgspec
from msgspec import Struct

from veche.web.errors import HTTPException, WrongConfiguration
from veche.web.path_patterns import Converter
from veche.web.requests import HTTPConnection, Request
from veche.web.threads import HandlerThreads

Provider: TypeAlias = Callable[..., object]
Providers: TypeAlias = Mapping[
    Any, Provider
]  # the key is a type as it stands in a signature: a class, or Account | None

SCALARS: Final = (str, int, float, bool, date, datetime, UUID)
MISSING: Final = inspect.Parameter.empty


class FromRequest(Protocol):
    """A generic type that reads itself from a request: `Form[T]` gets T as its second argument."""

    @classmethod
    async def from_request(cls, request: Request, argument: Any, /) -> object: ...


class Call(Struct, eq=False):
    """One call of one handler: the connection, what providers gave so far, and what is torn down after the answer."""

    connection: HTTPConnection
    stack: AsyncExitStack | None = None
    provided: dict[Provider, object] = {}


class Filler(Struct, frozen=True, eq=False):
    """One parameter: `now` gives its value at once, `later` has to be awaited; exactly one of them is there.

    tears_down: something of it ends after the answer, so the call needs a stack.
    """

    name: str
    now: Callable[[HTTPConnection], object] | None = None
    later: Callable[[Call], Awaitable[object]] | None = None
    tears_down: bool = False


class Plan(Struct, frozen=True, eq=False):
    """How one function is called."""

    function: Callable[..., object]
    fillers: tuple[Filler, ...]
    is_async: bool
    tears_down: bool

    async def arguments(self, call: Call) -> dict[str, object]:
        """Return the keyword arguments, filled in the order of the signature."""
        filled: dict[str, object] = {}
        for filler in self.fillers:
            if filler.now is not None:
                filled[filler.name] = filler.now(call.connection)
            elif filler.later is not None:
                filled[filler.name] = await filler.later(call)
        return filled

    async def call(self, call: Call, threads: HandlerThreads) -> object:
        """Return what the function returns; a plain one runs in a handler thread."""
        arguments = await self.arguments(call)
        if not self.is_async:
            return await threads.run(partial(self.function, **arguments))
        result = self.function(**arguments)
        assert isinstance(result, Awaitable)
        return await result


class Planner:
    """Makes plans; each provider is read once, and a provider that needs itself is found."""

    def __init__(self, providers: Providers) -> None:
        self._providers = providers
        self._open: list[Provider] = []

    def plan(
        self,
        function: Callable[..., object],
        connection_type: type[HTTPConnection],
        converters: Mapping[str, Converter] | None = None,
    ) -> Plan:
        """Return the plan of a handler. Raises WrongConfiguration, naming the parameter, the file and the line.

        connection_type: Request or WebSocket; converters: the variables of the path by name.
        """
        return _PlanOfOne(self, function, connection_type, converters or {}).read()

    def provider_for(self, annotation: object) -> Provider | None:
        """Return the provider of a type, None where there is none."""
        try:
            return self._providers.get(annotation)
        except TypeError:  # an annotation that cannot be hashed is no key
            return None

    def plan_provider(self, provider: Provider, connection_type: type[HTTPConnection]) -> Plan:
        """Return the plan of a provider; its parameters are filled like a handler's."""
        if provider in self._open:
            circle = " → ".join(location(one) for one in [*self._open[self._open.index(provider) :], provider])
            raise WrongConfiguration(f"providers need each other in a circle: {circle}")
        self._open.append(provider)
        try:
            return self.plan(provider, connection_type)
        finally:
            self._open.pop()


class _PlanOfOne:
    """Reads the signature of one function."""

    def __init__(
        self,
        planner: Planner,
        function: Callable[..., object],
        connection_type: type[HTTPConnection],
        converters: Mapping[str, Converter],
    ) -> None:
        self._planner = planner
        self._function = function
        self._connection_type = connection_type
        self._converters = converters

    def read(self) -> Plan:
        function = self._function
        called = function if inspect.isroutine(function) else getattr(function, "__call__", function)  # noqa: B004  # not a test: it is read
        try:
            hints = typing.get_type_hints(called, include_extras=True)
        except NameError as error:
            raise WrongConfiguration(
                f"{location(function)}: annotation not found: {error}; import its type outside `if TYPE_CHECKING`"
            ) from error
        parameters = inspect.signature(function).parameters
        fillers = tuple(self._filler(one, hints.get(one.name, MISSING)) for one in parameters.values())
        unused = [name for name in self._converters if name not in parameters]
        if unused:
            raise self._error(
                unused[0], "stands in the path and not in the signature; add it, or take it out of the path"
            )
        tears_down = any(filler.tears_down for filler in fillers)
        return Plan(function, fillers, inspect.iscoroutinefunction(called), tears_down)

    def _error(self, name: str, problem: str) -> WrongConfiguration:
        return WrongConfiguration(f"{location(self._function)}: parameter {name!r} {problem}")

    def _filler(self, parameter: inspect.Parameter, annotation: object) -> Filler:
        name = parameter.name
        if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            raise self._error(name, "cannot be filled; write each parameter out, none of them positional-only")
        if annotation is MISSING:
            raise self._error(name, "has no type; annotate it")
        bare = _without_metadata(annotation)
        if isinstance(bare, type) and issubclass(bare, HTTPConnection):
            return self._connection(name, bare)
        provider = self._planner.provider_for(bare)
        if provider is not None:
            return self._provided(name, provider)
        reader = getattr(typing.get_origin(bare), "from_request", None)
        if reader is not None:
            return self._read_from_request(name, reader, bare)
        if name in self._converters:
            return self._path(name, bare, self._converters[name])
        return self._query(name, annotation, parameter.default)

    def _connection(self, name: str, wanted: type[HTTPConnection]) -> Filler:
        if not issubclass(self._connection_type, wanted):
            raise self._error(
                name,
                f"is a {wanted.__name__}, but a {self._connection_type.__name__} comes here; HTTPConnection fits both",
            )
        return Filler(name, now=_itself)

    def _provided(self, name: str, provider: Provider) -> Filler:
        plan = self._planner.plan_provider(provider, self._connection_type)
        generator = inspect.isasyncgenfunction(provider)
        later = partial(_provide, plan=plan, generator=generator)
        return Filler(name, later=later, tears_down=generator or plan.tears_down)

    def _read_from_request(self, name: str, reader: Callable[..., Awaitable[object]], annotation: object) -> Filler:
        if self._connection_type is not Request:
            raise self._error(name, "reads a request body, which a WebSocket has not")
        return Filler(name, later=partial(_read, reader=reader, argument=typing.get_args(annotation)[0]))

    def _path(self, name: str, annotation: object, converter: Converter) -> Filler:
        plain = _plain_type(annotation)
        if plain is not converter.python_type:
            raise self._error(
                name,
                f"is {plain!r}, but the path gives {converter.python_type.__name__}; write {{{name}:int}}",
            )
        return Filler(name, now=partial(_path_value, name=name))

    def _query(self, name: str, annotation: object, default: object) -> Filler:
        item = _list_item(annotation)
        if not _is_scalar(item if item is not None else annotation):
            raise self._error(
                name,
                f"has the type {annotation!r}, which nothing fills: it is no variable of the path, no field of a query "
                "(str, int, bool, an Enum, a Literal, a list of them), and no provider gives it",
            )
        return Filler(name, now=_QueryField(name, annotation, default, several=item is not None))


class _QueryField:
    """One field of the query, converted; 422 tells the client which field and why."""

    def __init__(self, name: str, annotation: object, default: object, *, several: bool) -> None:
        self._name = name
        self._type = _resolved(annotation)
        self._default = default
        self._several = several
        self._is_text = str in (self._type, *typing.get_args(self._type)) and get_metadata(annotation) == ()

    def __call__(self, connection: HTTPConnection) -> object:
        given: Any = connection.query_params.getlist(self._name)
        if not self._several:
            given = given[-1] if given else None
            if given == "" and not self._is_text:
                given = None  # a form sends every field, the empty ones too
        if given is None or given == []:
            if self._default is MISSING:
                raise self._wrong("required", "is missing")
            return self._default
        if self._is_text and not self._several:
            return given
        try:
            return msgspec.convert(given, self._type, strict=False)
        except msgspec.ValidationError as error:
            raise self._wrong("format", f"is wrong: {error}") from error

    def _wrong(self, code: str, problem: str) -> HTTPException:
        errors = [{"field": self._name, "code": code, "detail": problem}]
        return HTTPException(422, f"The query field {self._name!r} {problem}.", members={"errors": errors})


def _itself(connection: HTTPConnection) -> object:
    return connection


def _path_value(connection: HTTPConnection, *, name: str) -> object:
    return connection.path_params[name]


async def _read(call: Call, *, reader: Callable[..., Awaitable[object]], argument: object) -> object:
    return await reader(call.connection, argument)


async def _provide(call: Call, *, plan: Plan, generator: bool) -> object:
    """Return what the provider gives, asked once for each request."""
    provider = plan.function
    if provider in call.provided:
        return call.provided[provider]
    arguments = await plan.arguments(call)
    value: object
    if generator:
        assert call.stack is not None
        opened: Any = asynccontextmanager(typing.cast(Any, provider))(**arguments)
        value = await call.stack.enter_async_context(opened)
    else:
        value = provider(**arguments)  # a plain provider is a getter: it runs in the loop and must not block
        if plan.is_async:
            assert isinstance(value, Awaitable)
            value = await value
    call.provided[provider] = value
    return value


def location(function: Callable[..., object]) -> str:
    """Return `name (file:line)` of a function, for messages to whoever wrote it."""
    plain: Any = inspect.unwrap(function)
    code = getattr(getattr(plain, "__func__", plain), "__code__", None) or getattr(
        type(plain).__call__, "__code__", None
    )
    name = getattr(plain, "__qualname__", type(plain).__qualname__)
    return name if code is None else f"{name} ({code.co_filename}:{code.co_firstlineno})"


def get_metadata(annotation: object) -> tuple[object, ...]:
    """Return what stands beside the type in Annotated[…]."""
    return tuple(annotation.__metadata__) if typing.get_origin(annotation) is Annotated else ()  # type: ignore[attr-defined]  # an Annotated has it


def _without_metadata(annotation: object) -> object:
    return typing.get_args(annotation)[0] if typing.get_origin(annotation) is Annotated else annotation


def _resolved(annotation: object) -> Any:
    """Return the annotation without NewType, which msgspec does not need to know."""
    while isinstance(annotation, typing.NewType):
        annotation = annotation.__supertype__
    return annotation


def _plain_type(annotation: object) -> object:
    return _resolved(_without_metadata(_resolved(annotation)))


def _list_item(annotation: object) -> object | None:
    """Return T of list[T] and tuple[T, ...], None for anything else."""
    bare = _without_metadata(annotation)
    if typing.get_origin(bare) in (list, tuple):
        return typing.get_args(bare)[0]  # type: ignore[no-any-return]  # the argument of an annotation is any object
    return None


def _is_scalar(annotation: object) -> bool:
    bare = _plain_type(annotation)
    if typing.get_origin(bare) in (Union, types.UnionType):
        return all(_is_scalar(one) or one is type(None) for one in typing.get_args(bare))
    if typing.get_origin(bare) is Literal:
        return True
    return isinstance(bare, type) and (bare in SCALARS or issubclass(bare, enum.Enum))
