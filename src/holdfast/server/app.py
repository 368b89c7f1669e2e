"""The application: verbs by name.

    GET  /v1/verbs              what there is: name, arguments, doc
    POST /v1/verbs/tree.put     a JSON object of arguments ─► {"result": …}, or an error in its one shape
                                of a verb that streams: lines of {"item": …}, then {"end": true} or {"error": {…}}
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import AsyncIterator, Mapping
from typing import Any, Final

import msgspec
from aiohttp import web

from holdfast.api.verb import Verb, verbs_of
from holdfast.errors import Bug, HoldfastError, InvalidValue, UnknownName

from .answers import encoded, failed, succeeded

__all__ = ["make_app"]

logger = logging.getLogger("holdfast.server")

LARGEST_BODY: Final = 64 << 20
"""Bytes of a request: a batch of some hundred thousand routes."""

_SERVICES: Final[web.AppKey[Mapping[str, Any]]] = web.AppKey("services", Mapping[str, Any])


def make_app(services: Mapping[str, Any]) -> web.Application:
    """services: name → the object whose verbs are called `name.verb`."""
    app = web.Application(client_max_size=LARGEST_BODY)
    app[_SERVICES] = services
    app.router.add_get("/v1/verbs", _list)
    app.router.add_post("/v1/verbs/{service}.{verb}", _call)
    return app


async def _list(request: web.Request) -> web.Response:
    found = {
        f"{service}.{name}": {
            "arguments": {one.name: {"needed": one.needed, "type": _spelled(one.type)} for one in verb.arguments},
            "writes": verb.writes,
            "streams": verb.streams,
            "doc": verb.doc,
        }
        for service, owner in request.app[_SERVICES].items()
        for name, verb in verbs_of(type(owner)).items()
    }
    return succeeded(found)


def _spelled(type_: Any) -> str:
    return type_.__name__ if isinstance(type_, type) else str(type_).replace("typing.", "")


async def _call(request: web.Request) -> web.StreamResponse:
    try:
        owner, verb = _find(request.app[_SERVICES], request.match_info["service"], request.match_info["verb"])
        arguments = verb.bound(_arguments(await request.read()))
        if verb.streams:
            return await _stream(request, verb.function(owner, **arguments))
        result = verb.function(owner, **arguments)
        return succeeded(await result if inspect.isawaitable(result) else result)
    except HoldfastError as error:
        return failed(error)
    except Exception as error:  # the request's edge: who asked gets the shape of all errors, the log gets the traceback
        logger.exception("%s failed", request.path)
        return failed(Bug(f"{type(error).__name__}: {error}"))


def _find(services: Mapping[str, Any], service: str, name: str) -> tuple[Any, Verb]:
    owner = services.get(service)
    if owner is None:
        raise UnknownName(f"no verb `{service}.{name}`", hint=f"there are verbs of {', '.join(services)}")
    verbs = verbs_of(type(owner))
    if name not in verbs:
        raise UnknownName(f"no verb `{service}.{name}`", hint=f"{service} has {', '.join(verbs)}")
    return owner, verbs[name]


def _arguments(body: bytes) -> dict[str, Any]:
    try:
        return msgspec.json.decode(body or b"{}", type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise InvalidValue(f"expected a JSON object of arguments: {error}") from error


async def _stream(request: web.Request, items: AsyncIterator[Any]) -> web.StreamResponse:
    """Begin to answer at once: who listens knows then that nothing will be missed."""
    response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
    await response.prepare(request)
    try:
        async for item in items:
            await response.write(encoded({"item": item}) + b"\n")
        await response.write(b'{"end":true}\n')
    except HoldfastError as error:
        await response.write(encoded({"error": error.as_dict()}) + b"\n")
    return response
