"""What an error looks like: a problem document, a plain page, or the traceback in debug.

One job: error → Response.
Must not know: who raised it, where it is logged.
"""

import html
import linecache
import traceback
from pathlib import Path
from types import TracebackType
from typing import Final

from veche.http import best_media_type, phrase
from veche.web.errors import HTTPException
from veche.web.requests import HTTPConnection
from veche.web.responses import HTMLResponse, JSONResponse, Response

PROBLEM: Final = "application/problem+json"
CONTEXT_LINES: Final = 4

STYLE: Final = (
    "body{font:1rem/1.5 system-ui,sans-serif;margin:4rem auto;max-width:60rem;padding:0 1rem}"
    "pre{overflow:auto;padding:.5rem;background:#8881}mark{background:#fc06}code{font-size:.9rem}"
    "details{margin:.5rem 0}:root{color-scheme:light dark}"
)


def wants_problem(connection: HTTPConnection, api_prefixes: tuple[str, ...]) -> bool:
    """True on an API path, or when the client likes JSON better than HTML."""
    if connection.path.removeprefix(connection.root_path).startswith(api_prefixes):
        return True
    accept = connection.headers.get("accept", "")
    return best_media_type(accept, ("text/html", PROBLEM, "application/json")) in (PROBLEM, "application/json")


def problem_response(error: HTTPException) -> Response:
    """Return the error as a problem document (RFC 9457). Its members cannot replace the standard ones."""
    document: dict[str, object] = {"title": phrase(error.status_code), "status": error.status_code}
    if error.detail:
        document["detail"] = error.detail
    document = {**error.members, **document}
    return JSONResponse(document, error.status_code, error.headers, media_type=PROBLEM)


def plain_page(error: HTTPException) -> Response:
    """Return a page for a site that has drawn none of its own."""
    title = f"{error.status_code} {phrase(error.status_code)}".rstrip()
    return _page(title, f"<p>{html.escape(error.detail)}</p>" if error.detail else "", error)


def debug_page(error: Exception, answer: HTTPException) -> Response:
    """Return the traceback with source lines. No values of variables: they hold passwords and tokens."""
    told = "".join(traceback.format_exception_only(error)).strip()
    parts = [f"<p><strong>{html.escape(told)}</strong></p><p>{html.escape(answer.detail)}</p>"]
    for cause in _chain(error):
        parts.append(f"<h2>{html.escape(type(cause).__name__)}</h2>")
        parts += _frames(cause.__traceback__)
    return _page("500 " + type(error).__name__, "".join(parts), answer)


def _page(title: str, content: str, error: HTTPException) -> Response:
    # The style stands in the page, so the page's own policy allows it; nothing else may load.
    document = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{html.escape(title)}</title><style>{STYLE}</style><h1>{html.escape(title)}</h1>{content}</html>"
    )
    response = HTMLResponse(document, error.status_code, error.headers)
    response.headers["content-security-policy"] = (
        "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
    )
    return response


def _chain(error: BaseException) -> list[BaseException]:
    chain: list[BaseException] = []
    current: BaseException | None = error
    while current is not None and current not in chain:
        chain.append(current)
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
    return chain


def _frames(tb: TracebackType | None) -> list[str]:
    """Return the innermost frame first; those of the framework and of libraries are folded up."""
    import sysconfig  # here, because no server in production draws this page

    folded = (str(Path(__file__).parent), sysconfig.get_path("stdlib"), sysconfig.get_path("purelib"))
    parts: list[str] = []
    for frame, line_number in reversed(list(traceback.walk_tb(tb))):
        code = frame.f_code
        where = html.escape(f"{code.co_filename}:{line_number} in {code.co_name}")
        lines = [
            _source_line(code.co_filename, number, here=number == line_number)
            for number in range(max(1, line_number - CONTEXT_LINES), line_number + CONTEXT_LINES + 1)
        ]
        unfolded = "" if code.co_filename.startswith(folded) else " open"
        summary = f"<summary><code>{where}</code></summary>"
        parts.append(f"<details{unfolded}>{summary}<pre>{''.join(lines)}</pre></details>")
    return parts


def _source_line(file: str, number: int, *, here: bool) -> str:
    text = html.escape(linecache.getline(file, number).rstrip("\n"))
    line = f"{number:5d}  {text}\n"
    return f"<mark>{line}</mark>" if here else line
