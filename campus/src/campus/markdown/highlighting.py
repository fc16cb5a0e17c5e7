"""Highlighted code: spans with Pygments' short class names, whose colours the style sheet gives for light and dark.

One job: code and its info string in, HTML out. Must not know: Markdown, who wrote the code.
"""

import re
from collections.abc import Mapping
from functools import cache
from html import escape
from typing import Final

from pygments import highlight
from pygments.formatters.html import HtmlFormatter
from pygments.lexer import Lexer
from pygments.lexers import get_lexer_by_name

# Only these lexers run: Pygments has six hundred, and among them are regular expressions that some text makes
# run for minutes; each of these is in daily use by sites that show code of strangers.
LEXERS: Final[Mapping[str, str]] = {
    "bash": "bash", "sh": "bash", "shell": "bash", "zsh": "bash", "console": "console", "c": "c", "cpp": "cpp",
    "c++": "cpp", "cs": "csharp", "csharp": "csharp", "cmd": "batch", "css": "css", "diff": "diff", "patch": "diff",
    "dockerfile": "docker", "docker": "docker", "go": "go", "haskell": "haskell", "html": "html", "http": "http",
    "ini": "ini", "cfg": "ini", "java": "java", "javascript": "javascript", "js": "javascript", "jinja": "html+jinja",
    "json": "json", "kotlin": "kotlin", "lua": "lua", "make": "make", "makefile": "make", "nginx": "nginx",
    "php": "php", "powershell": "powershell", "py": "python", "python": "python", "pycon": "pycon", "r": "r",
    "ruby": "ruby", "rb": "ruby", "rs": "rust", "rust": "rust", "scala": "scala", "sql": "sql", "sqlite3": "sqlite3",
    "swift": "swift", "toml": "toml", "ts": "typescript", "typescript": "typescript", "xml": "xml", "svg": "xml",
    "yaml": "yaml", "yml": "yaml",
}  # fmt: skip
LIMIT_CHARACTERS: Final = 60_000  # longer code is shown plain: nobody reads its colours, and a worker must not wait
REMARKS: Final = ("does_not_compile", "panics", "not_desired_behavior")  # mdBook's flags that a reader must see
INFO_WORD: Final = re.compile(r"[\w+#.-]+")
# The flags of an info string are separated by commas (mdBook) or spaces, perhaps in braces (pandoc, R Markdown).


@cache
def _lexer(name: str) -> Lexer:
    return get_lexer_by_name(name, stripnl=False, ensurenl=False)


@cache
def _formatter() -> HtmlFormatter[str]:
    return HtmlFormatter(nowrap=True)


def language_of(info: str) -> str:
    """Return "rust" for "rust,ignore" and for "{.rust}"; "" when the fence names nothing."""
    first = INFO_WORD.search(info)
    return first.group().lstrip(".").lower() if first else ""


def highlighted(code: str, info: str, labels: Mapping[str, str]) -> str:
    """Return the block's HTML; plain, escaped code for a language that we do not know."""
    language = language_of(info)
    lexer_name = LEXERS.get(language)
    if lexer_name is None or len(code) > LIMIT_CHARACTERS:
        body = escape(code, quote=False)
    else:
        body = highlight(code, _lexer(lexer_name), _formatter())
    name = f' data-language="{escape(language)}"' if language else ""
    words = set(INFO_WORD.findall(info))
    remarks = "".join(f'<p class="code-remark">{escape(labels[remark])}</p>' for remark in REMARKS if remark in words)
    # tabindex: a block that scrolls must be reachable by keyboard (WCAG 2.1.1).
    return f'<div class="highlight"{name}><pre tabindex="0"><code>{body}</code></pre>{remarks}</div>\n'
