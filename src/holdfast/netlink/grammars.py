"""All modules that register grammars for Packed shapes, in one import."""

from . import link, route, traffic  # noqa: F401
