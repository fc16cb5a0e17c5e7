"""Files that are served without asking the application, and requests that are only redirected."""

from typing import Annotated

from msgspec import Meta

from veche.server.settings.application import ApplicationSettings


class FileSettings(ApplicationSettings, frozen=True, kw_only=True):
    """Static mounts, and the redirect to HTTPS."""

    static: Annotated[
        tuple[str, ...],
        Meta(
            description="/PATH=FOLDER: files of this folder are served under this path; what the folder does not have "
            "is asked of the application. May be given several times."
        ),
    ] = ()
    static_cache_control: Annotated[
        str,
        Meta(
            pattern="^[\\x20-\\x7e]*$",
            extra={"expected": "printable ASCII text"},
            description="Cache-Control of these files; the default has browsers ask each time, and be told 304.",
        ),
    ] = "no-cache"
    redirect_to_https: Annotated[
        bool,
        Meta(
            description="Answer 308 to whatever came without TLS, to us or to a trusted proxy; challenges of "
            "certificate authorities (RFC 8555) are served."
        ),
    ] = False
    https_port: Annotated[
        int,
        Meta(
            description="Port that --redirect-to-https names; 0 is that of the first https:// bind, else 443.",
            ge=0,
            le=65535,
        ),
    ] = 0
