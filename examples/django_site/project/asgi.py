"""The ASGI application: `veche serve project.asgi:application --workers 1`.

Pages by Django, static files of every installed app, sockets by Channels.
"""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")
pages = get_asgi_application()  # sets Django up: what is imported below may use models

from channels.auth import AuthMiddlewareStack  # noqa: E402
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from channels.security.websocket import AllowedHostsOriginValidator  # noqa: E402
from django.contrib.staticfiles.handlers import ASGIStaticFilesHandler  # noqa: E402
from django.urls import path  # noqa: E402

from notes.consumers import BoardConsumer  # noqa: E402

sockets = URLRouter([path("live/", BoardConsumer.as_asgi())])

application = ProtocolTypeRouter(
    {
        # The simplest way to have the admin's style sheets. A busy site runs `manage.py collectstatic` and leaves
        # /static/ to nginx (deploy/nginx).
        "http": ASGIStaticFilesHandler(pages),
        # A socket carries the visitor's cookie: a page of another site must not open one.
        "websocket": AllowedHostsOriginValidator(AuthMiddlewareStack(sockets)),
    }
)
