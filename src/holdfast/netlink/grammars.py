"""All modules that register grammars for Packed shapes, in one import."""

from . import link, nexthop, route, traffic  # noqa: F401
