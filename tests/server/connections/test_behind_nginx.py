"""A real nginx with deploy/nginx/site.conf in front of `veche serve`: the application sees nginx's client."""

from pathlib import Path

import httpx
import pytest

from fixtures.nginx import SITE_NAME, nginx_before
from fixtures.servers import ServerProcess

pytestmark = [pytest.mark.process, pytest.mark.nginx]

APPLICATION = """
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
    body = f"{scope['client'][0]} {scope['client'][1] == 0} {scope['scheme']}".encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})
"""


@pytest.mark.parametrize(("options", "believed"), [((), True), (("--trusted-proxy", "none"), False)])
def test_nginx_says_who_its_client_is_and_the_client_cannot(
    tmp_path: Path, options: tuple[str, ...], *, believed: bool
) -> None:
    (tmp_path / "tells.py").write_text(APPLICATION)
    with (
        ServerProcess("tells:app", *options, app_dir=tmp_path) as server,
        nginx_before(server.url, tmp_path) as nginx,
    ):
        claims = {"host": SITE_NAME, "x-forwarded-for": "203.0.113.66", "x-forwarded-proto": "https"}
        # nginx's client is 127.0.0.1 as well, but the field gives no port.
        assert httpx.get(nginx.url, headers=claims).text == f"127.0.0.1 {believed} http"
