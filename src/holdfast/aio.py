"""Holdfast for asyncio: `from holdfast.aio import NDB`. See holdfast.api.aio."""

from holdfast.api.aio import NDB

__all__ = ["NDB"]
