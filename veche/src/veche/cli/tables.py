"""Settings as a Markdown table, for documents that must not drift from the code.

One job: the text of the table.
Must not know: which settings, which document.
"""

import re
from collections.abc import Iterable
from typing import Final

from veche.settings import Setting

TABLE: Final = re.compile(r"(?<=<!-- made by `veche settings --into` -->\n).*?(?=<!-- end -->)", re.DOTALL)


def markdown_table(settings: Iterable[Setting], *, prefix: str) -> str:
    """The table, a line for each setting: option, variable, default with unit, meaning."""
    lines = ["| option | variable | default | meaning |", "|---|---|---|---|"]
    for setting in settings:
        names = f"`{_option_text(setting)}` | `{setting.variable(prefix)}`"
        lines.append(f"| {names} | {_default_text(setting)} | {_meaning(setting)} |")
    return "\n".join(lines) + "\n"


def with_table(document: str, table: str) -> str:
    """The document with the table between its two marks; unchanged without them."""
    return TABLE.sub(lambda _: table, document)


def _option_text(setting: Setting) -> str:
    return f"{setting.option}`, `--no-{setting.option[2:]}" if setting.kind is bool else setting.option


def _default_text(setting: Setting) -> str:
    if isinstance(setting.default, bool):
        return "on" if setting.default else "off"
    if isinstance(setting.default, tuple):
        return " ".join(f"`{item}`" for item in setting.default) or "–"
    if setting.default == "" or setting.default is None:
        return "–"
    number = f"{setting.default:g}" if isinstance(setting.default, float) else str(setting.default)
    return f"`{number}` {setting.unit}".strip()


def _meaning(setting: Setting) -> str:
    choices = f" One of {', '.join(setting.choices)}." if setting.choices else ""
    return (setting.doc + choices).replace("|", "\\|")
