"""What people say for a source, as `sources.make` takes it, and the namespaces that they name and nobody has made yet."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Iterable, Mapping
from pathlib import PurePath
from typing import Any, Final

from holdfast.errors import HoldfastError, InvalidValue, NotFound
from holdfast.model import TABLES
from holdfast.sources.groups import group_number
from holdfast.sources.netns import place_of
from holdfast.transactions import namespaces

__all__ = ["source_spec", "with_namespaces"]

_WORDS_OF_KIND: Final = {"netns": "netns", "hostname": "ssh", "file": "replay"}
"""Which option gives away the kind of a source that does not say it."""

_NDBS_KNOBS: Final = frozenset({"nlm_generator", "nlm_echo", "create", "flags"})
"""Of NDB's sockets, and of how they come to be: scripts hand them on, sources do not take them."""


def source_spec(spec: Mapping[str, Any], localhost: str) -> dict[str, Any]:
    """A source as `sources.make` takes it: `netns="blue"` alone says its kind and its target.

    >>> source_spec({"netns": "/run/netns/blue"}, "localhost")
    {'target': 'blue', 'kind': 'netns', 'netns': '/run/netns/blue'}

    `groups` may be NDB's, a number with a bit for each group: of those it loads the tables, and all that tells of them.

    >>> source_spec({"groups": 0x51}, "localhost")["tables"]
    ['interfaces', 'addresses', 'routes']
    """
    options = {name: value for name, value in spec.items() if name not in _NDBS_KNOBS}
    kind = options.pop("kind", None) or next((kind for word, kind in _WORDS_OF_KIND.items() if word in options), "local")
    target = options.pop("target", None)
    if target is None:
        named = next((options[word] for word, of in _WORDS_OF_KIND.items() if of == kind and word in options), localhost)
        target = PurePath(str(named)).name
    if isinstance(options.get("groups"), int):
        options = {"tables": _tables_of(options.pop("groups"))} | options
    return {"target": target, "kind": kind, **options}


def _tables_of(mask: int) -> list[str]:
    """RTMGRP_… of linux/rtnetlink.h: group N is bit N - 1. Raises: InvalidValue - tables of none of them are mirrored."""
    tables = [
        name for name, one in TABLES.items() if one.message and any(mask >> (group_number(group) - 1) & 1 for group in one.message.groups)
    ]
    if not tables:
        raise InvalidValue(f"expected RTMGRP_LINK, RTMGRP_IPV4_ROUTE … or several of them, got {mask:#x} – at groups")
    return tables


@contextlib.asynccontextmanager
async def with_namespaces(specs: Iterable[Mapping[str, Any]], localhost: str) -> AsyncIterator[list[str]]:
    """Make the namespaces that sources are to be of, as NDB does, where they have a name that nobody has; the names, to be added to
    these sources now. When that fails they go again.

    One that cannot be made is raised if the block fails for want of it; if it does not, its source says what it lacks.
    Raises: Denied, KernelError - it cannot be made;  InvalidValue - no namespace at all.
    """
    made: list[str] = []
    failures: list[HoldfastError] = []
    try:
        for name in _missing(specs, localhost):
            try:
                await asyncio.to_thread(namespaces.make, name)
                made.append(name)
            except HoldfastError as failure:
                failures.append(failure)
        yield made
    except BaseException as cause:
        for name in made:
            with contextlib.suppress(HoldfastError):
                os.close(await asyncio.to_thread(namespaces.remove, name))
        if failures and isinstance(cause, NotFound):
            raise failures[0] from cause
        raise


def _missing(specs: Iterable[Mapping[str, Any]], localhost: str) -> list[str]:
    """Not those of `create=False`, or of NDB's `flags=0`."""
    wanted = [source_spec(spec, localhost) for spec in specs if spec.get("create", spec.get("flags", os.O_CREAT) & os.O_CREAT)]
    places = [place_of(one.get("netns", one["target"])) for one in wanted if one["kind"] == "netns"]
    return list(dict.fromkeys(place.name for place in places if place.name and not os.path.exists(place.path)))
