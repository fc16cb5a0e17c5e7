"""The semantics of HTTP (RFC 9110) without I/O: fields, cookies, forms, negotiation, conditions, ranges, dates."""

from veche.http.conditional import Verdict, evaluate_preconditions, range_still_holds
from veche.http.cookies import SameSite, parse_cookie_header, set_cookie_line
from veche.http.dates import http_date, parse_http_date
from veche.http.errors import BadEncoding, BadFieldLine, HttpError, RangeNotSatisfiable, TooManyFields
from veche.http.headers import Headers, MutableHeaders, RawHeaders, field_line
from veche.http.media_types import media_type_of
from veche.http.multimap import MultiMap
from veche.http.negotiation import best_language, best_media_type, parse_accept
from veche.http.ranges import content_range, parse_range
from veche.http.selection import Selection, select
from veche.http.status import PHRASES, forbids_body, phrase
from veche.http.urlencoded import parse_urlencoded

__all__ = [
    "PHRASES",
    "BadEncoding",
    "BadFieldLine",
    "Headers",
    "HttpError",
    "MultiMap",
    "MutableHeaders",
    "RangeNotSatisfiable",
    "RawHeaders",
    "SameSite",
    "Selection",
    "TooManyFields",
    "Verdict",
    "best_language",
    "best_media_type",
    "content_range",
    "evaluate_preconditions",
    "field_line",
    "forbids_body",
    "http_date",
    "media_type_of",
    "parse_accept",
    "parse_cookie_header",
    "parse_http_date",
    "parse_range",
    "parse_urlencoded",
    "phrase",
    "range_still_holds",
    "select",
    "set_cookie_line",
]
