"""What is held against the kernel: something that has rows by table and target.

    with FreshDump([ns.name]) as mirror: mirror.rows("routes", ns.name)

`FreshDump` reads all anew each time, through source and codec: it shows whether these, the oracle and the kernel agree at all.
The real thing is in live.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any, Protocol, Self

from holdfast.model import TABLES
from holdfast.netlink.batch import Undecoded
from holdfast.netlink.codec import decode
from holdfast.sources import Source, make

__all__ = ["FreshDump", "MakeMirror", "MirrorUnderTest", "Rows"]

Rows = list[dict[str, Any]]


class MirrorUnderTest(AbstractContextManager["MirrorUnderTest"], Protocol):
    """Entered before the first command, left after the last."""

    def rows(self, table: str, target: str) -> Rows: ...

    def trouble(self) -> str:
        """What the mirror itself says is wrong; "" when nothing is."""
        ...


class MakeMirror(Protocol):
    """Namespaces by name; each is mirrored under its name as target."""

    def __call__(self, namespaces: Sequence[str]) -> MirrorUnderTest: ...


class FreshDump:
    """Rows of a dump made on asking."""

    def __init__(self, namespaces: Sequence[str]) -> None:
        self._sources: dict[str, Source] = {name: make(name, "netns", netns=name) for name in namespaces}
        self._undecoded = ""

    def __enter__(self) -> Self:
        for source in self._sources.values():
            source.open()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for source in self._sources.values():
            source.close()

    def rows(self, table: str, target: str) -> Rows:
        found: Rows = []
        for chunk in self._sources[target].dump(TABLES[table]):
            for batch in decode(chunk):
                if isinstance(batch, Undecoded):
                    self._undecoded = f"{batch.reason}: {batch.message.hex()}"
                elif batch.table.name == table:
                    found += batch.dicts()
        return found

    def trouble(self) -> str:
        return self._undecoded
