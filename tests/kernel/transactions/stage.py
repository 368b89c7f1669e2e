"""A namespace, its mirror, and the engine: what the tests of this folder stand on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from holdfast.database.sqlite import Database
from holdfast.mirror.mirror import Mirror
from holdfast.mirror.status import State
from holdfast.mirror.supervisor import Settings
from holdfast.model import TABLES
from holdfast.sources.kinds import make
from holdfast.testing.netns import Namespace
from holdfast.transactions.contract import Change, Create, Delete, Outcome, Request
from holdfast.transactions.engine import Transactions

__all__ = ["Stage", "staged"]


class Stage:
    """Requests in short: `await stage.create("addresses", ifindex=3, local="10.0.0.1", prefixlen=24)`."""

    def __init__(self, mirror: Mirror, engine: Transactions, *namespaces: Namespace) -> None:
        self.mirror = mirror
        self.engine = engine
        self.namespaces = namespaces
        self.target = namespaces[0].name

    def new(self, table: str, target: str = "", *, ensure: bool = False, beside: bool = False, **row: Any) -> Create:
        return Create(target or self.target, TABLES[table], row, ensure, beside)

    def change(self, table: str, row: dict[str, Any], at: str = "", **fields: Any) -> Change:
        return Change(at or self.target, TABLES[table], row, fields)

    def gone(self, table: str, target: str = "", *, missing_ok: bool = False, **row: Any) -> Delete:
        return Delete(target or self.target, TABLES[table], row, missing_ok)

    async def commit(self, *requests: Request, **options: Any) -> Outcome:
        return await self.engine.commit(requests, **options)

    async def create(self, table: str, **row: Any) -> dict[str, Any]:
        return dict((await self.commit(self.new(table, **row))).rows[0] or {})

    def rows(self, table: str, target: str = "", **fields: Any) -> list[dict[str, Any]]:
        from holdfast.transactions.present import Present

        condition = " AND ".join(f"{name} IS ?" for name in fields) or "true"
        return Present(self.mirror.database.fetch).rows(TABLES[table], target or self.target, condition, tuple(fields.values()))

    def row(self, table: str, target: str = "", **fields: Any) -> dict[str, Any]:
        [found] = self.rows(table, target, **fields)
        return found

    def index(self, ifname: str, target: str = "") -> int:
        return int(self.row("interfaces", target, ifname=ifname)["ifindex"])


@asynccontextmanager
async def staged(*namespaces: Namespace, path: str = ":memory:", **settings: Any) -> AsyncIterator[Stage]:
    """A mirror of these namespaces, loaded, and an engine upon it."""
    with Database(path) as database:
        async with Mirror(database, Settings(audit_s=0, **settings)) as mirror:
            for one in namespaces:
                mirror.add(make(one.name, "netns", netns=one.path))
            for one in namespaces:
                status = await mirror.ready(one.name, 10)
                assert status.state is State.RUNNING, status
            engine = Transactions(mirror)
            try:
                yield Stage(mirror, engine, *namespaces)
            finally:
                await engine.close()
