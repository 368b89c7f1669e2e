"""Verbs that change the system. This version only reads; a program that calls one of them is told so."""

from __future__ import annotations

from typing import NoReturn

from holdfast.errors import Denied, NotSupported

__all__ = ["refuse"]


def refuse(verb: str, noun: str, *, readonly: bool) -> NoReturn:
    """Raises: Denied - through `ndb.readonly()`;  NotSupported."""
    if readonly:
        raise Denied(f"`{verb}` of {noun}: this view was opened read-only")
    raise NotSupported(
        f"`{verb}` of {noun}: this version reads the network and does not change it yet",
        hint="change it with ip, bridge or tc; views show the change at once",
    )
