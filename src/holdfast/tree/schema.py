"""JSON Schema for a path: a commit that would make the value there other than the schema says is refused.

Schemas are kept in the file, `tree_schemas(path, schema)`. Drafts 4 to 2020-12, by `jsonschema-rs`; its expressions run in linear
time, and a schema cannot refer to what is not in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from holdfast.database.home import Database, Transaction
from holdfast.errors import InvalidValue, NotFound, NotSupported
from holdfast.undisturbed import waited

from .edit import Edit
from .head import Branch, find, value_of
from .paths import Path, PathLike, parse, show

__all__ = ["Schemas"]

_PUT = "INSERT INTO tree_schemas(path, schema) VALUES (?, ?) ON CONFLICT(path) DO UPDATE SET schema = excluded.schema"


class Schemas:
    """All of one tree. They are read once, at the start; nothing of the validator is loaded when there are none."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[Path, tuple[Any, Any]] = {}
        for path, text in database.fetch("SELECT path, schema FROM tree_schemas"):
            schema = msgspec.json.decode(text)
            self._known[parse(path)] = (schema, _validator(schema, path))

    def attach(self, path: PathLike, schema: Any, root: Branch, author: str) -> None:
        """From now on; blocks. Raises: InvalidValue - it is no schema, or what is there now does not fit;  NotSupported."""
        keys = parse(path)
        validator = _validator(schema, show(keys))
        self._hold(keys, validator, root)
        text = msgspec.json.encode(schema).decode()

        def job(tx: Transaction) -> None:
            tx.change("tree", _PUT, [(show(keys), text)])
            tx.note("schema", author=author, message=f"attach to {show(keys) or 'the tree'}")

        waited(self._database.write(job, durable=True))
        self._known = {**self._known, keys: (schema, validator)}

    def detach(self, path: PathLike, author: str) -> None:
        """Blocks. Raises: NotFound."""
        keys = parse(path)
        if keys not in self._known:
            raise NotFound(f"no schema is at `{show(keys)}`", path=show(keys))

        def job(tx: Transaction) -> None:
            tx.change("tree", "DELETE FROM tree_schemas WHERE path = ?", [(show(keys),)])
            tx.note("schema", author=author, message=f"detach from {show(keys) or 'the tree'}")

        waited(self._database.write(job, durable=True))
        self._known = {path: one for path, one in self._known.items() if path != keys}

    def all(self) -> dict[str, Any]:
        return {show(path): schema for path, (schema, _) in sorted(self._known.items())}

    def concern(self, paths: Iterable[Path]) -> bool:
        """Could a proposal that writes at these paths change a value that has a schema?"""
        return bool(self._known) and any(path[: (depth := min(len(path), len(at)))] == at[:depth] for at in self._known for path in paths)

    def check(self, edits: Sequence[Edit], root: Branch) -> None:
        """Raises: InvalidValue - a value would not fit, with where and why."""
        for at, (_, validator) in self._known.items():
            if any(edit.path[: len(at)] == at for edit in edits):
                self._hold(at, validator, root)

    def _hold(self, at: Path, validator: Any, root: Branch) -> None:
        node = find(root, at)
        if node is None:
            return
        for error in validator.iter_errors(value_of(node)):
            where = show((*at, *(str(key) for key in error.instance_path)))
            raise InvalidValue(f"{error.message} – at `{where}`, by the schema of `{show(at)}`", path=where, schema=show(at))


def _validator(schema: Any, path: str) -> Any:
    try:
        import jsonschema_rs
    except ImportError:
        raise NotSupported("schemas need the package `jsonschema-rs`", hint="pip install holdfast[schema]") from None

    def nothing_else(uri: str) -> Any:
        raise ValueError(f"a schema cannot refer to {uri}, which is not in it")

    try:
        options = jsonschema_rs.RegexOptions()
        return jsonschema_rs.validator_for(schema, retriever=nothing_else, pattern_options=options, validate_formats=True)
    except (ValueError, TypeError) as error:
        reason = str(error).partition("\n")[0]  # behind it the library shows the schema and the value
        raise InvalidValue(f"not a JSON Schema: {reason} – for `{path}`") from error
