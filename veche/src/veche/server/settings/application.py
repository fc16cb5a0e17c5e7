"""What is served, and where it is looked up."""

from typing import Annotated, Literal, TypeAlias

from msgspec import Meta

from veche.server.settings.processes import ProcessSettings

Interface: TypeAlias = Literal["auto", "asgi", "wsgi"]


class ApplicationSettings(ProcessSettings, frozen=True, kw_only=True):
    """The application."""

    interface: Annotated[Interface, Meta(description="What the application speaks; auto looks at its signature.")] = (
        "auto"
    )
    factory: Annotated[
        bool, Meta(description="The named attribute is a function without arguments that returns the application.")
    ] = False
    app_dir: Annotated[
        str, Meta(description="Folder put first on the import path: the application's module is looked up there.")
    ] = "."
