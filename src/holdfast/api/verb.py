"""Verbs: the methods of the public classes that can also be called from another process, by name.

    class Tree:
        @verb(writes=True)
        async def put(self, path: str, value: Value, *, message: str = "") -> int: …

The method is the only declaration: its name, arguments, their types and defaults, and its docstring are what the node's
socket, the command line, the shell and the reference are made from. A method that is an asynchronous generator streams.
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import msgspec

from holdfast.errors import InvalidValue, UnknownName

__all__ = ["Argument", "Verb", "verb", "verbs_of"]

F = TypeVar("F", bound=Callable[..., Any])

_MARK: Final = "__holdfast_verb__"


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument. `default` is `inspect.Parameter.empty` where it must be given; `named`: only by name, as an option."""

    name: str
    type: Any
    default: Any
    named: bool

    @property
    def needed(self) -> bool:
        return self.default is inspect.Parameter.empty


@dataclass(frozen=True, slots=True)
class Verb:
    """What a method says about itself. `writes`: it changes something, so who may only read may not call it."""

    name: str
    function: Callable[..., Any]
    arguments: tuple[Argument, ...]
    writes: bool
    streams: bool

    @property
    def doc(self) -> str:
        return inspect.getdoc(self.function) or ""

    def bound(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Arguments as they came over a wire (JSON values), each of its declared type.

        Raises: UnknownName - there is no such argument;  InvalidValue - one is missing, or of another type.
        """
        known = {one.name: one for one in self.arguments}
        surplus = given.keys() - known.keys()
        if surplus:
            raise UnknownName(f"`{self.name}` takes no `{min(surplus)}`", hint=f"it takes {', '.join(known) or 'nothing'}")
        for one in self.arguments:
            if one.needed and one.name not in given:
                raise InvalidValue(f"`{self.name}` needs `{one.name}`", hint=f"it takes {', '.join(known)}")
        return {name: _converted(self.name, known[name], value) for name, value in given.items()}


def verb(*, writes: bool = False) -> Callable[[F], F]:
    """Mark a method of a public class as one that can be called by name."""

    def mark(function: F) -> F:
        setattr(function, _MARK, writes)
        return function

    return mark


_known: Final[dict[type[Any], Mapping[str, Verb]]] = {}


def verbs_of(cls: type[Any]) -> Mapping[str, Verb]:
    """The verbs of a class, by the names of their methods, in the order in which they stand there."""
    if cls not in _known:
        marked = {name: one for base in reversed(cls.__mro__) for name, one in vars(base).items() if hasattr(one, _MARK)}
        _known[cls] = {name: _read(name, one) for name, one in marked.items()}
    return _known[cls]


def _read(name: str, function: Callable[..., Any]) -> Verb:
    types = typing.get_type_hints(function)
    parameters = list(inspect.signature(function).parameters.values())[1:]  # without self
    arguments = tuple(
        Argument(one.name, types.get(one.name, Any), one.default, one.kind is inspect.Parameter.KEYWORD_ONLY) for one in parameters
    )
    return Verb(name, function, arguments, bool(getattr(function, _MARK)), inspect.isasyncgenfunction(function))


def _converted(name: str, argument: Argument, value: Any) -> Any:
    try:
        return msgspec.convert(value, argument.type)
    except msgspec.ValidationError as error:
        raise InvalidValue(f"{str(error)[:1].lower()}{str(error)[1:]} – at `{argument.name}` of `{name}`") from error
