"""Does a method tell all that its callers elsewhere need, and do arguments arrive as what it declares?"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from holdfast import errors
from holdfast.api.verb import verb, verbs_of
from holdfast.errors import InvalidValue, UnknownName, restored


class Box:
    @verb()
    async def get(self, path: str, *, at: int | None = None) -> str:
        """What is in it."""
        return f"{path}@{at}"

    @verb(writes=True)
    async def put(self, path: str, value: Any) -> None: ...

    @verb()
    async def watch(self) -> AsyncIterator[int]:
        yield 1

    async def hidden(self) -> None: ...


class Chest(Box):
    @verb()
    async def get(self, path: str) -> str:
        return path


def test_marked_methods_are_verbs_and_others_are_not() -> None:
    verbs = verbs_of(Box)
    assert list(verbs) == ["get", "put", "watch"]
    assert [one.writes for one in verbs.values()] == [False, True, False]
    assert [one.streams for one in verbs.values()] == [False, False, True]
    assert verbs["get"].doc == "What is in it."
    assert [(one.name, one.needed, one.named) for one in verbs["get"].arguments] == [("path", True, False), ("at", False, True)]


def test_a_subclass_has_its_own_words() -> None:
    assert [one.name for one in verbs_of(Chest)["get"].arguments] == ["path"]
    assert set(verbs_of(Chest)) == set(verbs_of(Box))


def test_arguments_are_checked_by_name_and_type() -> None:
    get = verbs_of(Box)["get"]
    assert get.bound({"path": "a", "at": 3}) == {"path": "a", "at": 3}
    with pytest.raises(UnknownName, match="`get` takes no `pth`; it takes path, at"):
        get.bound({"pth": "a"})
    with pytest.raises(InvalidValue, match="`get` needs `path`"):
        get.bound({})
    with pytest.raises(InvalidValue, match=r"expected `int \| null`, got `str` – at `at` of `get`"):
        get.bound({"path": "a", "at": "soon"})


@pytest.mark.parametrize(
    "error",
    [
        errors.NotFound("no route", hint="look", table="routes"),
        errors.KernelError(17, "File exists", request="route 10.0.0.0/8"),
        errors.Compacted("too old", oldest=7),
        errors.DecodeError("short", offset=3, path="a.b"),
        errors.Bug("odd"),
        errors.InvalidValue("no"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_comes_back_as_what_it_was(error: errors.HoldfastError) -> None:
    again = restored(error.as_dict())
    assert type(again) is type(error)
    assert (str(again), again.code, again.retryable, again.as_dict()) == (str(error), error.code, error.retryable, error.as_dict())
    for name in error.attributes:
        assert getattr(again, name) == getattr(error, name)


def test_an_error_of_a_newer_peer_keeps_its_words() -> None:
    again = restored({"error": "Flooded", "code": "flooded", "message": "too much", "retryable": True})
    assert type(again) is errors.HoldfastError
    assert (str(again), again.code) == ("too much", "flooded")
