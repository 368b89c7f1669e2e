"""Rows to read, whoever has them, and how to spell them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from holdfast.cli.language.spelling import Spelling
from holdfast.model.names import Names

if TYPE_CHECKING:
    from holdfast.database.home import Database, Result, Row
    from holdfast.database.sqlite import FileReader

__all__ = ["LINKS", "LOCALHOST", "Reading"]

LOCALHOST: Final = "localhost"
_VRF_TABLE: Final = "CASE kind WHEN 'vrf' THEN json_extract(kind_data, '$.vrf_table') END"
LINKS: Final = f"SELECT target, ifindex, ifname, altnames, {_VRF_TABLE} FROM interfaces ORDER BY ifindex"
_ENDS: Final = ("target", "ifindex", "ifname", "kind", "link", "link_netnsid", "kind_data")
_SPACES: Final = ("target", "name", "nsid")


@dataclass(slots=True)
class Reading:
    """Rows to read, and how to spell them.

    whole  the one target of which all tables were read; "": of every target.
    at     the revision at which they are read; None: now.
    """

    database: Database | FileReader
    names: Names
    whole: str = ""
    at: int | None = None
    _targets: list[str] | None = field(default=None)

    def fetch(self, sql: str, args: Sequence[Any] = ()) -> list[Row]:
        if self.at is None:
            return self.database.fetch(sql, args)
        return list(self.database.query(sql, args, timeout_s=None, at=self.at))

    def query(self, sql: str, *, timeout_s: float | None, limit: int | None) -> Result:
        return self.database.query(sql, timeout_s=timeout_s, limit=limit, at=self.at)

    def spelling(self, *, far: bool = False) -> Spelling:
        """far: knows other ends in other namespaces, as they are now; for who reads once."""
        return Spelling(self.names, self.fetch(LINKS), self._far if far else dict)

    def _far(self) -> dict[tuple[str, int], str]:
        """What each interface is linked with in another source's namespace, as far as the rows tell."""
        if len(self.targets()) < 2:
            return {}
        from holdfast.story.topology import topology

        interfaces = [dict(zip(_ENDS, row, strict=True)) for row in self.fetch(f"SELECT {', '.join(_ENDS)} FROM interfaces")]
        spaces = [dict(zip(_SPACES, row, strict=True)) for row in self.fetch(f"SELECT {', '.join(_SPACES)} FROM netns")]
        graph = topology(interfaces, (), spaces, LOCALHOST)
        linked = (("pair", "lower"), ("pair", "upper"), ("stack", "upper"))
        return {
            key: f"{graph.interfaces[other].name}@{other[0]}"
            for key in graph.interfaces
            for edge, role, other in graph.ends(key)
            if (edge.kind, role) in linked and other[0] != key[0]
        }

    def targets(self) -> list[str]:
        """The sources that have rows."""
        if self._targets is None:
            self._targets = [str(row[0]) for row in self.fetch("SELECT DISTINCT target FROM interfaces ORDER BY target")]
        return self._targets
