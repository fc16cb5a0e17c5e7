"""What came in: requests, their bodies, forms and files."""

from veche.web.requests.body import DEFAULT_LIMITS, LIMITS_KEY, RequestBody
from veche.web.requests.connection import Address, HTTPConnection, State
from veche.web.requests.forms import FormData, UploadFile
from veche.web.requests.limits import BodyLimits
from veche.web.requests.request import Request
from veche.web.requests.url import URL, quote_path

__all__ = [
    "DEFAULT_LIMITS",
    "LIMITS_KEY",
    "URL",
    "Address",
    "BodyLimits",
    "FormData",
    "HTTPConnection",
    "Request",
    "RequestBody",
    "State",
    "UploadFile",
    "quote_path",
]
