"""Where live state comes from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from holdfast.api.core import Core
from holdfast.errors import Denied, NotFound
from holdfast.objects.object import State
from holdfast.objects.records import RecordSet, shape

__all__ = ["Source", "SourcesView"]


class Source(Mapping[str, Any]):
    """A place that live state comes from; as a dictionary: target, kind, state, and how it was asked for."""

    def __init__(self, core: Core, target: str, *, readonly: bool = False) -> None:
        self._core = core
        self._readonly = readonly
        self.target = target

    @property
    def kind(self) -> str:
        return str(self._core.spec(self.target)["kind"])

    @property
    def state(self) -> State:
        """connecting, loading, running, resyncing, failed, ended; `removed` when it is no more among the sources."""
        try:
            return State(self._core.status(self.target).state)
        except NotFound:
            return State("removed")

    def status(self) -> dict[str, Any]:
        """State, since when, the last error, when it is tried again, counters, what its kernel does not have. Raises: NotFound."""
        return self._core.status(self.target).as_dict()

    async def restart(self, reason: str = "") -> None:
        """Close and open it again; returns when it is loaded. reason: for the log. Raises: NotFound, Denied; what it failed with."""
        _allowed("restart", self.target, self._readonly)
        await self._core.restart(self.target, reason)

    async def remove(self) -> None:
        """Take it away, with its rows. Raises: NotFound, Denied."""
        _allowed("remove", self.target, self._readonly)
        await self._core.remove(self.target)

    async def wait(self, timeout: float | None = None) -> None:  # noqa: ASYNC109 - NDB's word
        """Wait until the tables show its whole state. Raises: NotFound, Timeout; what it failed with."""
        await self._core.loaded(self.target, timeout)

    def __getitem__(self, name: str) -> Any:
        return {**self._core.spec(self.target), "state": self.state}[name]

    def __iter__(self) -> Iterator[str]:
        return iter((*self._core.spec(self.target), "state"))

    def __len__(self) -> int:
        return len(self._core.spec(self.target)) + 1

    def __repr__(self) -> str:
        return f"[{self.state}] <{self._core.spec(self.target) if self.state != 'removed' else self.target}>"


class SourcesView(Mapping[str, Source]):
    """The sources, by target."""

    def __init__(self, core: Core, *, readonly: bool = False) -> None:
        self._core = core
        self._readonly = readonly

    async def add(self, **spec: Any) -> Source:
        """Add a source and wait until it is loaded: `target=…, kind="local" | "netns" | "replay", …`, or just `netns="blue"`.

        A namespace of this name is made where there is none, unless `create=False`. One that cannot be loaded is not kept.
        Raises: AlreadyExists - the target is taken;  UnknownName, NotSupported - its kind;  InvalidValue - an option;
          Denied;  what it failed with: NotFound, Unavailable, SourceEnded …
        """
        _allowed("add", str(spec.get("target", "")), self._readonly)
        return Source(self._core, await self._core.add(spec))

    async def remove(self, target: str) -> Source:
        """Take a source away, with its rows. Raises: NotFound, Denied."""
        _allowed("remove", target, self._readonly)
        await self._core.remove(target)
        return Source(self._core, target)

    def __getitem__(self, key: str | Mapping[str, Any]) -> Source:
        """By target. Raises: NotFound."""
        target = key if isinstance(key, str) else key["target"]
        self._core.spec(target)
        return Source(self._core, target, readonly=self._readonly)

    def __iter__(self) -> Iterator[str]:
        return iter(self._core.sources)

    def __len__(self) -> int:
        return len(self._core.sources)

    def exists(self, target: str) -> bool:
        return target in self._core.sources

    def count(self) -> int:
        return len(self)

    def dump(self) -> RecordSet:
        """A record for each source: state, name, kind, spec, error."""
        make = shape(("state", "name", "kind", "spec", "error"), (("target", "name"),))
        return RecordSet(lambda: (make(self._row(target)) for target in self))

    def summary(self) -> RecordSet:
        return self.dump().select_fields("state", "name", "spec")

    def _row(self, target: str) -> tuple[Any, ...]:
        status = self._core.status(target)
        return str(status.state), target, status.kind, dict(self._core.spec(target)), status.error

    def __repr__(self) -> str:
        return f"<sources: {', '.join(f'{target} {self[target].state}' for target in self) or 'none'}>"


def _allowed(verb: str, target: str, readonly: bool) -> None:
    if readonly:
        raise Denied(f"`{verb}` of source `{target}`: this view was opened read-only")
