"""What is written down about requests: the access log."""

from veche.server.records.access_log import AccessLog
from veche.server.records.finished import FinishedRequest
from veche.server.records.opening import open_access_log

__all__ = ["AccessLog", "FinishedRequest", "open_access_log"]
