"""From "module:attribute" to an application: the one dynamic import of the server.

One job: find, import, make; and say in words what was not found, so that nobody reads our frames in a traceback.
Must not know: processes, interfaces.
"""

import difflib
import importlib
import os
import sys
import traceback
from types import ModuleType, TracebackType
from typing import Any, Final

from veche.server.errors import ApplicationError
from veche.settings import SettingsError

# Frames of the server and of the import machinery: the reader looks for the first line that is theirs.
NOT_THE_READERS_CODE: Final = (
    os.path.dirname(os.path.dirname(__file__)) + os.sep,
    os.path.dirname(importlib.__file__) + os.sep,
    "<frozen importlib",
)


def load_application(name: str, *, factory: bool, app_dir: str) -> Any:
    """The object that `name` stands for ("package.module:attribute.of.it"), called first when `factory`.

    app_dir: put first on the import path, so that `veche serve app:app` works in the folder of app.py.
    Raises ApplicationError; its __cause__ is the exception of the application's own code, if there was one.
    """
    module_name, colon, attribute = name.partition(":")
    if not (module_name and colon and attribute):
        raise ApplicationError(f"{name!r} names no application; write MODULE:ATTRIBUTE, such as shop:app")
    sys.path.insert(0, os.path.abspath(app_dir))
    target: Any = _import(module_name, app_dir)
    for part in attribute.split("."):
        target = _attribute(target, part, name, app_dir)
    if not factory:
        return target
    try:
        return target()
    except SettingsError as error:  # the operator's to mend: our frames would only hide what to do
        raise ApplicationError(f"{name} cannot start: {error}") from None
    except BaseException as error:
        raise ApplicationError(f"the factory {name} failed: {one_line(error)}") from error


def _import(module_name: str, app_dir: str) -> ModuleType:
    try:
        return importlib.import_module(module_name)
    except BaseException as error:  # SystemExit too: a script without its `if __name__ == "__main__"`
        if isinstance(error, ModuleNotFoundError) and error.name and f"{module_name}.".startswith(f"{error.name}."):
            raise ApplicationError(_not_found(error.name, os.path.abspath(app_dir))) from None
        raise ApplicationError(f"importing {module_name} failed: {one_line(error)}") from error


def _not_found(module_name: str, folder: str) -> str:
    if not os.path.isdir(folder):
        missing = "is no folder" if os.path.exists(folder) else "does not exist"
        return (
            f"the folder {folder} {missing}, and there is no module {module_name!r} among the installed packages; "
            "name the folder that holds it with --app-dir"
        )
    return (
        f"there is no module {module_name!r} in {folder} or among the installed packages; "
        "start in the folder that holds it, or name that folder with --app-dir"
    )


def _attribute(target: Any, part: str, name: str, app_dir: str) -> Any:
    try:
        return getattr(target, part)
    except AttributeError:
        public = [attribute for attribute in dir(target) if not attribute.startswith("_")]
        near = difflib.get_close_matches(part, public, n=1)
        hint = f"did you mean {near[0]!r}?" if near else "see which names its file defines at the top level"
        if isinstance(target, ModuleType) and _is_anothers(target, app_dir):
            hint = f"Python's own {target.__name__!r} has that name already; give your file another one"
        raise ApplicationError(f"{name}: there is no {part!r} in it; {hint}") from None


def _is_anothers(module: ModuleType, app_dir: str) -> bool:
    """Whether the folder has a file for this name, and Python had loaded another one before it looked there."""
    own = os.path.join(os.path.abspath(app_dir), *module.__name__.split(".")) + ".py"
    return os.path.exists(own) and os.path.abspath(getattr(module, "__file__", None) or "") != own


def one_line(error: BaseException) -> str:
    """ValueError: the first line of the reason."""
    # Of a SyntaxError the lines of the file come first, indented; notes come last.
    said = next(text for text in traceback.format_exception_only(error) if not text[:1].isspace())
    lines = [text for text in said.splitlines() if text.strip()]
    return " ".join(text.strip() for text in lines[:2]) if lines[0].endswith(": ") else lines[0]


def readable_traceback(error: BaseException | None) -> str:
    """The traceback from the first line of the application's own code on; empty without an exception."""
    if error is None:
        return ""
    frames: TracebackType | None = error.__traceback__
    while frames is not None and frames.tb_frame.f_code.co_filename.startswith(NOT_THE_READERS_CODE):
        frames = frames.tb_next
    return "".join(traceback.format_exception(type(error), error, frames or error.__traceback__))
