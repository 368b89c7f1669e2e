# made from api/aio/view.py by scripts/generators/sync.py; scripts/generate writes it anew
"""Rows as objects that follow the kernel and change it, and their views."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Self, TypeVar

from holdfast.api.bridge import run
from holdfast.api.core import Core
from holdfast.api.past import life
from holdfast.objects import interface
from holdfast.objects import object as objects
from holdfast.objects import view as views
from holdfast.objects.bulk import Difference
from holdfast.objects.commit import How
from holdfast.objects.records import RecordSet
from holdfast.objects.snapshot import Snapshot

if TYPE_CHECKING:
    from holdfast.objects.batch import Filter
    from holdfast.transactions.contract import Progress

__all__ = ["Interface", "Object", "View"]

Found = TypeVar("Found", bound="Object")


class Object(objects.Object["View[Any]"]):
    """A row as a dictionary that follows the system, and takes changes that `commit` carries out.

    `with link: …` commits at the end, if nothing was raised.
    """

    __slots__ = ()

    def commit(self, *, force: bool = False, author: str = "", message: str = "") -> Self:
        """Carry out what waits in this object, and before it what waits in its chain: all of it, or nothing.

        What is not in the system is made, what was removed goes, the rest is changed. It returns when the tables show it.
        A refused change is forgotten: the object shows the system. What could not be made keeps its fields, to be corrected.
        force: override what others changed since it was set.  author, message: for the log.
        Raises: KernelError (`.code` is the errno);  Conflict - a field that is set has another value meanwhile;  NotFound;
          InvalidValue;  Denied;  Timeout. `details` names the object, and the link of the chain.
        """
        self._allowed("commit")
        if not self.clean:
            self._view.reading.commit_here([self], How(force, author, message, again=True))
        return self

    def apply(
        self, rollback: bool = False, req_filter: Filter | None = None, *, force: bool = False, author: str = "", message: str = ""
    ) -> Self:
        """As `commit`, but what `rollback()` comes back to stays the same, and what is refused goes on waiting.

        rollback: as `rollback()`.  req_filter: gets the fields that are to be sent, returns those that are.
        """
        self._allowed("apply")
        if rollback:
            self.rollback()
        elif not self.clean:
            self._view.reading.commit_here([self], How(force, author, message, save=False, keep=True, req_filter=req_filter, again=True))
        return self

    def rollback(self, snapshot: Snapshot | None = None, *, author: str = "", message: str = "") -> Self:
        """Come back to a snapshot; without one, to how it was before the last commit or `save_context()`. What waits is dropped.

        What depended on it and went comes back too: addresses, routes, ports, interfaces on top.
        Raises: as `commit`.
        """
        self._allowed("rollback")
        run(self._view.reading.rollback(self, snapshot, How(True, author, message)))
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is not None:
            self.drop()
        elif not self.idle:
            self.commit()


class Interface(Object, interface.Interface["View[Any]"]):
    """An interface, with the views of what is on it."""

    __slots__ = ()


class View(views.View[Found], Generic[Found]):
    """The objects and records of one table."""

    object_types: ClassVar[Mapping[str, type[objects.Object[Any]]]] = {"interfaces": Interface}
    object_type: ClassVar[type[objects.Object[Any]]] = Object
    reading: Core

    def wait(
        self,
        spec: Any = None,
        /,
        *,
        timeout: float | None = None,
        action: str = "add",
        **fields: Any,
    ) -> Found | None:
        """Wait until there is an object with this key and return it; with `action="remove"`, until there is none.

        timeout: seconds; None or negative: for ever.
        Raises: Timeout (a TimeoutError).
        """
        key = fields if spec is None else spec
        gone = action == "remove"

        def check() -> tuple[Found | None] | None:
            found = self.get(key)
            return (found,) if (found is None) == gone else None

        limit_s = None if timeout is None or timeout < 0 else timeout
        what = f"{self.table.noun} {key} to be {'gone' if gone else 'there'}"
        return (run(self.reading.until({self.table.name, "interfaces"}, check, limit_s, what)))[0]

    def history(self, key: Any = None, /, **filters: Any) -> RecordSet:
        """The life of an object, or of all of them, newest first: `ndb.history` of this table, with its filters and fields."""
        points = {name: filters.pop(name, None) for name in ("since", "until", "author")}
        target = filters.pop("target", None)
        return RecordSet(lambda: life(self.reading, self.table.name, key, filters, {**points, "target": target}))

    def create_many(
        self, specs: Iterable[Any], *, progress: Progress | None = None, author: str = "", message: str = "", **common: Any
    ) -> int:
        """Make very many objects in one transaction: all of them, or none. Returns how many.

        specs: as `create` takes each, read one after another.  common: fields of all of them.
        progress: called with (done, all) now and then.
        Raises: as `commit`; `index` in `details` is the place of the spec, from 0.
        """
        return run(self.reading.create_many(self, specs, common, How(author=author, message=message, progress=progress)))

    def replace_all(
        self, specs: Iterable[Any], *, progress: Progress | None = None, author: str = "", message: str = "", **where: Any
    ) -> Difference:
        """Make the objects with the fields `where` be exactly these: one transaction that sends only the difference.

            ndb.routes.replace_all(specs, table=100)

        Routes that the kernel made (proto kernel, ra, redirect) are left alone, unless `where` names the proto.
        Returns how many were created, changed, removed, kept.  Raises: as `commit`;  InvalidValue - an empty `where`.
        """
        return run(self.reading.replace_all(self, specs, where, How(author=author, message=message, progress=progress)))
