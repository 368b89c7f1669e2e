"""Results and errors as HTTP answers. An error's body is its one shape (`as_dict`), its status says whose fault it is."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from aiohttp import web

from holdfast import errors

__all__ = ["encoded", "failed", "status_of", "succeeded"]

_STATUS: Final[tuple[tuple[type[errors.HoldfastError], int], ...]] = (
    (errors.NotFound, 404),
    (errors.UnknownName, 404),
    (errors.AlreadyExists, 409),
    (errors.Conflict, 409),
    (errors.Denied, 403),
    (errors.NotSupported, 501),
    (errors.UsageError, 400),
    (errors.Compacted, 410),
    (errors.Busy, 503),
    (errors.Unavailable, 503),
    (errors.Timeout, 504),
    (errors.KernelError, 422),
    (errors.Closed, 503),
    (errors.Bug, 500),
    (errors.HoldfastError, 502),
)
"""The first class that fits."""


def status_of(error: errors.HoldfastError) -> int:
    return next(status for kind, status in _STATUS if isinstance(error, kind))


def succeeded(result: Any) -> web.Response:
    return web.Response(body=encoded({"result": result}), content_type="application/json")


def failed(error: errors.HoldfastError) -> web.Response:
    return web.Response(body=encoded(error.as_dict()), status=status_of(error), content_type="application/json")


def encoded(value: Any) -> bytes:
    """JSON; what has no JSON form of its own is told by its fields (records, mappings) or as text."""
    return msgspec.json.encode(value, enc_hook=_plain)


def _plain(value: Any) -> Any:
    if hasattr(value, "_as_dict"):
        return value._as_dict()
    if hasattr(value, "keys"):
        return {key: value[key] for key in value.keys()}  # noqa: SIM118 - a mapping that is not a dict
    if hasattr(value, "__iter__"):
        return list(value)
    return str(value)
