"""Events to rows: what a batch says, and what follows from it, written in one transaction.

Everything here runs in the writer. Order matters: batches are applied as they came, so that put, delete, put of one
key ends as it should; all that one read cycle found is one transaction and one revision.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from holdfast.model import INTERFACES, ROUTES, TABLES
from holdfast.netlink.batch import Batch

from . import paths, rules
from .batches import Key, batch_of, keys_of, parsed, with_column
from .consequence import Ask, Consequence, Drop, Reread, Where
from .journal import Journal
from .replacing import Replacement

if TYPE_CHECKING:
    from holdfast.database.home import Transaction

__all__ = ["Applier"]

NLM_F_REPLACE: Final = 0x100
NLM_F_EXCL: Final = 0x200
_AT_ONCE: Final = 500
_ALTERNATIVES_MOST: Final = 32
_WIDE_KEYS: Final = ("rules", "fdb")
"""Tables whose key is most of the row: a row that is told gone and is not here may be here under a key that differs a little."""


class Applier:
    """Writes one target's events.

    witness   while it is set, gets all that is told, as it is told.
    only      the key of the one route of its prefix, if that was read behind the last event: the next one need not look.
    journal   is set while a round of re-reading is under way, and then learns what was touched.
    """

    def __init__(self, target: str, tables: Iterable[str]) -> None:
        self.target = target
        self.journal: Journal | None = None
        self.witness: list[Batch] | None = None
        self.only: Key | None = None
        self._tables = frozenset(tables)
        self._hiding: set[tuple[Any, ...]] = set()  # IPv6 prefixes of whose routes a dump may not show all

    def apply(self, tx: Transaction, batch: Batch, *, asked: bool = False) -> list[Ask | Reread]:
        """Write a batch and its consequences; returns the questions that it raises.

        asked: it is the answer to a question, so what it does not tell is not there.
        """
        sifted = rules.sift(batch)
        if sifted is None:
            return []
        table = batch.table.name
        if self.witness is not None and not asked:
            self.witness.append(sifted)
        if table in self._tables:
            questions = list(self._write(tx, table, sifted, asked))
        elif table == "bridge_view":
            questions = []
        else:
            return []
        rule = rules.RULES.get((table, batch.op))
        if rule is not None:
            questions += self.follow(tx, rule(sifted))
        self.only = None
        return questions

    def follow(self, tx: Transaction, consequences: Iterable[Consequence]) -> list[Ask | Reread]:
        """Drop what is to be dropped now; return what is to be asked, of the tables that are wanted."""
        questions: list[Ask | Reread] = []
        for one in consequences:
            if isinstance(one, Drop):
                if one.table in self._tables:
                    self._drop(tx, one.table, one.where)
            elif isinstance(one, Ask):
                if "interfaces" in self._tables:
                    questions.append(one)
            elif one.table in self._tables and (one.only_now is None or self._has(tx, one.table, one.only_now)):
                questions.append(one)
        return questions

    def _has(self, tx: Transaction, table: str, where: Where) -> bool:
        return bool(tx.fetch(f"SELECT 1 FROM {table} WHERE target = ? AND ({where.sql}) LIMIT 1", (self.target, *where.args)))

    def _write(self, tx: Transaction, table: str, batch: Batch, asked: bool) -> Iterator[Ask | Reread]:
        if table == "interfaces":
            yield from self._links(tx, batch, asked)
        elif table == "routes":
            yield from self._routes(tx, batch)
        elif batch.op == "put":
            self._put(tx, batch)
        else:
            if table == "fdb" and self._elsewhere(tx, batch):
                yield Reread("fdb", reason="an entry was told gone from another port than it is at")
            missed = self._delete(tx, batch)
            if missed and table in _WIDE_KEYS:
                yield Reread(table, reason="a row was told gone that is not here")

    def _elsewhere(self, tx: Transaction, batch: Batch) -> bool:
        """Is an entry of a bridge's table that is told gone at another port here? The port is not part of its key."""
        columns = ("master", "lladdr", "vlan", "ifindex")
        sql = "SELECT 1 FROM fdb WHERE target = ? AND master = ? AND lladdr = ? AND vlan = ? AND ifindex <> ?"
        rows = zip(*(batch.column(name) for name in columns), strict=True)
        return any(tx.fetch(sql, (self.target, *row)) for row in rows if row[0] is not None)

    # -- interfaces ------------------------------------------------------------------------------------------------

    def _links(self, tx: Transaction, batch: Batch, asked: bool) -> list[Ask | Reread]:
        indexes = list(dict.fromkeys(batch.column("ifindex")))
        before = self._links_now(tx, indexes)
        consequences: list[Consequence] = []
        if batch.op == "delete":
            self._delete(tx, batch)
            for new in batch.dicts():
                consequences += rules.link_gone(before.pop(new["ifindex"], new))
            return self.follow(tx, consequences)
        links = list(batch.column("link"))
        for place, new in enumerate(batch.dicts()):
            old = before.get(new["ifindex"])
            if not asked and old is not None and old["link"] is not None and links[place] is None:
                new["link"] = links[place] = old["link"]  # left as it was, and asked for
                consequences.append(Ask((new["ifindex"],), reason="the event does not tell the link"))
            consequences += rules.link_changed(old, new)
            before[new["ifindex"]] = new
        self._put(tx, with_column(batch, "link", links))
        return self.follow(tx, consequences)

    def _links_now(self, tx: Transaction, indexes: Sequence[int]) -> dict[int, dict[str, Any]]:
        found: dict[int, dict[str, Any]] = {}
        for start in range(0, len(indexes), _AT_ONCE):
            part = indexes[start : start + _AT_ONCE]
            marks = ", ".join("?" * len(part))
            sql = f"SELECT {', '.join(rules.LINK_COLUMNS)} FROM interfaces WHERE target = ? AND ifindex IN ({marks})"
            for row in tx.fetch(sql, (self.target, *part)):
                found[row[0]] = parsed(INTERFACES, dict(zip(rules.LINK_COLUMNS, row, strict=True)))
        return found

    # -- routes ----------------------------------------------------------------------------------------------------

    def _routes(self, tx: Transaction, batch: Batch) -> Iterator[Ask | Reread]:
        """Runs of plain routes go as they are, at no cost per row; those that may concern other rows go one by one."""
        if batch.op == "delete":
            for missed in self._delete(tx, batch):
                row = dict(zip(batch.columns, missed, strict=True))
                yield from self._outcome(tx, row, paths.deleted(_whole(row), self._prefix(tx, row)))
            yield from self._uncovered(batch)
            return
        if self._are_alone(batch):
            self._put(tx, batch)
            return
        if batch.flags & NLM_F_REPLACE and rules.AF_INET6 not in batch.column("family"):
            yield from self._replaced(tx, batch)
            return
        yield from self._one_by_one(tx, batch)

    def _replaced(self, tx: Transaction, batch: Batch) -> Iterator[Ask | Reread]:
        """Routes that took the place of another one, which has no alternatives beside it: many at once, a quarter of the time."""
        self._touch_prefixes(batch)
        if self.only is not None and len(batch) == 1 and self._instead_of(tx, self.only, batch):
            return
        taking = Replacement(tx, self.target, batch)
        while taking.more:
            gone, instead, others = taking.run()
            if instead is not None:
                self._replace(tx, gone, instead)
            if others is not None:
                self._put(tx, others)
            if (other := taking.other()) is not None:
                yield from self._one_by_one(tx, other)

    def _instead_of(self, tx: Transaction, only: Key, batch: Batch) -> bool:
        """Write one route in the place of the only one of its prefix. False: it has another prefix."""
        [key] = keys_of(batch)
        if key[: len(paths.PREFIX)] != only[: len(paths.PREFIX)]:
            return False
        if key == only:
            self._put(tx, batch)
        else:
            self._replace(tx, [only], batch)
        return True

    def _one_by_one(self, tx: Transaction, batch: Batch) -> Iterator[Ask | Reread]:
        replace = bool(batch.flags & NLM_F_REPLACE)
        if replace:
            self._touch_prefixes(batch)
        for row in batch.dicts():
            ipv6 = row["family"] == rules.AF_INET6
            if replace or (ipv6 and row["multipath"]):
                present = self._prefix(tx, row)
                yield from self._outcome(tx, row, paths.replaced(row, present, replace=replace))
                hides = ipv6 and paths.may_hide(row, present)
            else:
                self._put_rows(tx, [row])
                hides = ipv6 and paths.may_be_hidden(row) and bool(self._prefix(tx, row, "multipath IS NOT NULL"))
            if hides:
                self._hiding.add(_position(row))
            if _position(row) in self._hiding:
                yield _table_of(row, "routes of one prefix hide each other")

    def _touch_prefixes(self, batch: Batch) -> None:
        if self.journal is not None:
            self.journal.touch_beginnings("routes", (key[: len(paths.PREFIX)] for key in keys_of(batch)))

    def _are_alone(self, batch: Batch) -> bool:
        """Are these routes beside which nothing else changes?  The kernel says so of IPv6 routes by NLM_F_EXCL."""
        if batch.flags & NLM_F_REPLACE:
            return False
        if rules.AF_INET6 not in batch.column("family"):
            return True
        return bool(batch.flags & NLM_F_EXCL) and not ("multipath" in batch.columns and any(batch.column("multipath")))

    def _uncovered(self, batch: Batch) -> Iterator[Reread]:
        """IPv6 routes that others of their prefix hid are shown again when those go, silently."""
        if self._hiding:
            for row in batch.dicts():
                if _position(row) in self._hiding:
                    yield _table_of(row, "routes of one prefix hid each other")

    def _outcome(self, tx: Transaction, row: paths.Row, outcome: paths.Outcome) -> Iterator[Reread]:
        if outcome.gone:
            self._delete(tx, batch_of(ROUTES, "delete", outcome.gone))
        self._put_rows(tx, outcome.now)
        if not outcome.certain:
            yield _table_of(row, "an event leaves open which route it is about")
        elif outcome.kept and self.journal is not None:  # the answer that is on its way may be about the row that we had
            yield _table_of(row, "a leg came or left while the route was asked for")

    def _put_rows(self, tx: Transaction, rows: Sequence[paths.Row]) -> None:
        if rows:
            self._put(tx, batch_of(ROUTES, "put", rows))

    def _prefix(self, tx: Transaction, row: paths.Row, condition: str = "true") -> list[dict[str, Any]]:
        """The rows of a route's prefix, whole, JSON as objects; not more than make it uncertain which one is meant.

        (fe80::/64 has a row for each interface.)
        """
        columns = ROUTES.columns
        where = " AND ".join(f"{name} IS ?" for name in paths.PREFIX)
        sql = f"SELECT {', '.join(columns)} FROM routes WHERE target = ? AND {where} AND {condition} LIMIT {_ALTERNATIVES_MOST}"
        found = tx.fetch(sql, (self.target, *(row.get(name, ROUTES.defaults[name]) for name in paths.PREFIX)))
        return [parsed(ROUTES, dict(zip(columns, one, strict=True))) for one in found]

    # -- writing ---------------------------------------------------------------------------------------------------

    def _put(self, tx: Transaction, batch: Batch) -> None:
        if self.journal is not None:
            self.journal.touch(batch)
        tx.put(batch.table, self.target, batch.columns, batch.values)

    def _delete(self, tx: Transaction, batch: Batch) -> Sequence[tuple[Any, ...]]:
        if self.journal is not None:
            self.journal.touch(batch)
        return tx.delete(batch.table, self.target, batch.columns, batch.values)

    def _replace(self, tx: Transaction, keys: Sequence[Key], batch: Batch) -> None:
        if self.journal is not None:
            self.journal.touch(Batch(batch.table, "delete", 0, batch.table.key, tuple(zip(*keys, strict=True))))
            self.journal.touch(batch)
        tx.replace(batch.table, self.target, keys, batch.columns, batch.values)

    def _drop(self, tx: Transaction, table: str, where: Where) -> None:
        if self.journal is not None:
            key = TABLES[table].key
            sql = f"SELECT {', '.join(key)} FROM {table} WHERE target = ? AND ({where.sql})"
            self.journal.drop(table, where, tx.fetch(sql, (self.target, *where.args)))
        tx.delete_where(TABLES[table], self.target, where.sql, where.args)


def _position(row: paths.Row) -> tuple[Any, ...]:
    return tuple(row[name] for name in paths.PREFIX)


def _table_of(row: paths.Row, reason: str) -> Reread:
    return rules.routing_table(row["family"], row["table_id"], reason)


def _whole(row: dict[str, Any]) -> dict[str, Any]:
    return ROUTES.defaults | row
