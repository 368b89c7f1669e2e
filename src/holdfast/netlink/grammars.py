"""All modules that register grammars for Packed shapes, in one import."""

from . import link, nexthop, route  # noqa: F401
