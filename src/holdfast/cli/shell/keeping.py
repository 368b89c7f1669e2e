"""Who has the tree while the shell lives: the running node, or this process, which takes the file when it is first needed."""

from __future__ import annotations

import contextlib
import os
from typing import Any

from holdfast.cli.asking.state import database_file, socket_of
from holdfast.cli.asking.steering import Alone, Caller, Items, file_of, open_alone
from holdfast.errors import Busy, HoldfastError, NotFound

from .following import Subscriptions

__all__ = ["Keeper"]


class Keeper:
    """One caller for all commands.

    draft  the name of the current draft, or "": what `acting` writes to and reads from.
    """

    def __init__(self, db: str, subscriptions: Subscriptions) -> None:
        self.draft = ""
        self.subscriptions = subscriptions
        self._db = db
        self._alone: Alone | None = None
        self._session: tuple[Items, str] | None = None

    @property
    def file(self) -> str:
        """That of the tree."""
        return self._db or file_of() or database_file()

    def caller(self) -> Caller:
        """Who has the tree. Raises: Busy - another process has the file;  what opening raises."""
        if self._alone is None:
            path = file_of(self._db)
            if path is not None:
                from holdfast.client.unix import UnixClient

                return UnixClient(socket_of(path))
            self._alone = open_alone(self._db)
        return self._alone

    def acting(self, db: str = "") -> Caller | None:
        """The same, within the current draft; None for another file."""
        if db and os.path.realpath(db) != os.path.realpath(self.file):
            return None
        if not self.draft:
            return self.caller()
        from .drafting import InDraft

        return InDraft(self.caller(), self.draft)

    def put_ephemeral(self, path: str, value: Any, message: str) -> Any:
        """Put a node that goes with the shell. Raises: as the verb."""
        if self._session is not None:
            with contextlib.suppress(NotFound):  # it ended with the node that had it
                return self.caller().call("tree.put", path=path, value=value, session=self._session[1], message=message)
            self._end_session()
        items = self.caller().stream("tree.session", name="shell")
        self._session = (items, next(items))
        return self.caller().call("tree.put", path=path, value=value, session=self._session[1], message=message)

    def let_go(self) -> None:
        """Close the file, if it is this process that has it, for a command that opens it itself. Raises: Busy - it is needed here."""
        if self._alone is None:
            return
        if self.subscriptions.all() or self._session is not None:
            needed = "subscriptions" if self.subscriptions.all() else "ephemeral nodes"
            first = "`unsub` ends them" if self.subscriptions.all() else "they end with the shell"
            hint = f"{first}; with a node (`holdfast run`) the shell needs no file of its own"
            raise Busy(f"this shell has {self.file} open for its {needed}", hint=hint)
        alone, self._alone = self._alone, None
        alone.close()

    def close(self) -> None:
        """Subscriptions and ephemeral nodes end; the file is closed."""
        self.subscriptions.close()
        self._end_session()
        alone, self._alone = self._alone, None
        if alone is not None:
            alone.close()

    def _end_session(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            with contextlib.suppress(HoldfastError):
                session[0].close()
