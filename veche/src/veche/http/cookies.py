"""The Cookie and Set-Cookie fields (RFC 6265 and its draft 6265bis).

One job: read the first, write the second.
Must not know: sessions, signatures.
"""

import re
from typing import Final, Literal

from veche.http.errors import BadFieldLine

SameSite = Literal["Strict", "Lax", "None"]

COOKIE_NAME: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
COOKIE_VALUE: Final = re.compile(r"[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*")  # cookie-octet, §4.1.1
ATTRIBUTE_VALUE: Final = re.compile(r"[\x20-\x3a\x3c-\x7e]*")


def parse_cookie_header(value: str) -> dict[str, str]:
    """Return the cookies of one Cookie field; pieces that are no pairs are skipped.

    Where a name stands twice the first wins: browsers send the longer path first (§5.4), so a cookie that
    somebody planted on "/" cannot hide the site's own.
    """
    cookies: dict[str, str] = {}
    for piece in value.split(";"):
        name, equals, content = piece.partition("=")
        name, content = name.strip(" \t"), content.strip(" \t")
        if not equals or not name:
            continue
        if len(content) >= 2 and content[0] == content[-1] == '"':
            content = content[1:-1]
        cookies.setdefault(name, content)
    return cookies


def set_cookie_line(
    name: str,
    value: str,
    *,
    max_age_seconds: int | None = None,
    path: str = "/",
    domain: str | None = None,
    secure: bool = True,
    http_only: bool = True,
    same_site: SameSite = "Lax",
) -> str:
    """Return the value of one Set-Cookie field; max_age_seconds=None lives as long as the browser, 0 removes.

    Raises BadFieldLine when a part holds octets that cookies cannot carry, or a __Host-/__Secure- prefix
    promises what the attributes do not keep.
    """
    if not COOKIE_NAME.fullmatch(name) or not COOKIE_VALUE.fullmatch(value):
        raise BadFieldLine(f"cookie {name!r} has octets outside cookie-octet (RFC 6265 §4.1.1); encode the value first")
    if not ATTRIBUTE_VALUE.fullmatch(path) or not ATTRIBUTE_VALUE.fullmatch(domain or ""):
        raise BadFieldLine(f"path {path!r} or domain {domain!r} of cookie {name!r} cannot stand in a Set-Cookie field")
    if name.startswith("__Host-") and (not secure or path != "/" or domain is not None):
        raise BadFieldLine(f"cookie {name!r} promises Secure, Path=/ and no Domain (RFC 6265bis §4.1.3.2)")
    if name.startswith("__Secure-") and not secure:
        raise BadFieldLine(f"cookie {name!r} promises Secure (RFC 6265bis §4.1.3.1)")
    parts = [f"{name}={value}", f"Path={path}"]
    if max_age_seconds is not None:
        parts.append(f"Max-Age={max_age_seconds}")
    if domain is not None:
        parts.append(f"Domain={domain}")
    if secure:
        parts.append("Secure")
    if http_only:
        parts.append("HttpOnly")
    parts.append(f"SameSite={same_site}")
    return "; ".join(parts)
