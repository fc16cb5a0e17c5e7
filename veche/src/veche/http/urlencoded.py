"""application/x-www-form-urlencoded, in bodies and in query strings (URL Standard §5.1).

One job: octets to pairs of text, within a limit of fields.
Must not know: what the fields are for.
"""

from urllib.parse import unquote_plus

from veche.http.errors import BadEncoding, TooManyFields


def parse_urlencoded(octets: bytes, *, limit_fields: int = 1000, strict: bool = True) -> list[tuple[str, str]]:
    """Return the pairs in order; a name without "=" has the value "".

    strict: octets that are not UTF-8 raise BadEncoding; otherwise they become U+FFFD, as in a query string,
    where a crawler's noise should meet a page rather than an error.
    Raises TooManyFields over limit_fields, before anything is decoded.
    """
    if not octets:
        return []
    if octets.count(b"&") >= limit_fields:
        raise TooManyFields(f"form of over {limit_fields} fields; expected at most {limit_fields}; send 413")
    errors = "strict" if strict else "replace"
    pairs: list[tuple[str, str]] = []
    try:
        text = octets.decode("utf-8", errors)
        for piece in text.split("&"):
            if piece:
                name, _equals, value = piece.partition("=")
                pairs.append((unquote_plus(name, errors=errors), unquote_plus(value, errors=errors)))
    except UnicodeDecodeError as error:
        raise BadEncoding("form fields are not UTF-8; expected application/x-www-form-urlencoded in UTF-8") from error
    return pairs
