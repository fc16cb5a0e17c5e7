"""Committed changes on their way to whoever looks at them."""

from veche.publish.choose import RELAY_ENVIRONMENT_NAME, open_bus
from veche.publish.floor import NewestVersions, PollFloor
from veche.publish.local import LocalBus, SubscriptionBook
from veche.publish.messages import VERSION_UNKNOWN, Bus, Change, ChangeCallback, Subscription

__all__ = [
    "RELAY_ENVIRONMENT_NAME",
    "VERSION_UNKNOWN",
    "Bus",
    "Change",
    "ChangeCallback",
    "LocalBus",
    "NewestVersions",
    "PollFloor",
    "Subscription",
    "SubscriptionBook",
    "open_bus",
]
