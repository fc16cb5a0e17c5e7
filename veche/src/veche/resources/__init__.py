"""JSON resources with an OpenAPI document, from operations and types."""

from veche.resources.api import Api
from veche.resources.resource import Action, Conflict, NotAllowed, Operations, Resource, ResourceError

__all__ = ["Action", "Api", "Conflict", "NotAllowed", "Operations", "Resource", "ResourceError"]
