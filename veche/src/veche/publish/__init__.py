"""Committed changes on their way to whoever looks at them."""

from veche.publish.choose import RELAY_ENVIRONMENT_NAME, open_bus
from veche.publish.floor import NewestVersions, PollFloor
from veche.publish.local import LocalBus, SubscriptionBook
from veche.publish.messages import VERSION_UNKNOWN, Bus, Change, ChangeCallback, Subscription
from veche.publish.relay import Hub
from veche.publish.relay_bus import RelayBus

__all__ = [
    "RELAY_ENVIRONMENT_NAME",
    "VERSION_UNKNOWN",
    "Bus",
    "Change",
    "ChangeCallback",
    "Hub",
    "LocalBus",
    "NewestVersions",
    "PollFloor",
    "RelayBus",
    "Subscription",
    "SubscriptionBook",
    "open_bus",
]
