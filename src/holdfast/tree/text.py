"""The tree as text: JSON and YAML in and out, the log for people to read, the edges for tools that draw graphs.

YAML is read as its core schema has it: `no` and `12:30` are text, not false and 750. Dates stay text. What JSON does not have is refused,
also as programs write it that take their NaN for JSON. Anchors are refused: a few lines of them can stand for gigabytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, Final

import msgspec

from holdfast.errors import InvalidValue, NotSupported

from .commit import Change, Commit
from .head import Branch, Node
from .paths import Path, show

__all__ = ["FORMATS", "edges", "log_lines", "members", "read", "write"]

FORMATS: Final = ("json", "yaml")

_FLOAT: Final = r"[-+]?(?:(?:\.[0-9]+|(?:0|[1-9][0-9]*)\.[0-9]*)(?:[eE][-+]?[0-9]+)?|(?:0|[1-9][0-9]*)[eE][-+]?[0-9]+)"
"""A number with a dot or an exponent."""
_NO_NUMBER: Final = r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)|NaN|[-+]?Infinity"


def write(value: Any, form: str) -> str:
    """A value as text, ending with a newline. Raises: NotSupported - another format."""
    _known(form)
    if form == "json":
        return msgspec.json.format(msgspec.json.encode(value, order="deterministic"), indent=2).decode() + "\n"
    yaml = _yaml()
    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    return str(yaml.dump(value, Dumper=dumper, allow_unicode=True, sort_keys=True, default_flow_style=False))


def read(text: str, form: str) -> Any:
    """The value of a text. Raises: InvalidValue - where and what is wrong;  NotSupported - another format."""
    _known(form)
    if form == "json":
        try:
            return msgspec.json.decode(text)
        except (msgspec.DecodeError, UnicodeEncodeError) as error:
            raise InvalidValue(f"this is no JSON: {error}") from None
    yaml = _yaml()
    try:
        for event in yaml.parse(text, Loader=_base(yaml)):
            if isinstance(event, yaml.AliasEvent):
                raise InvalidValue(f"anchors are not read: `*{event.anchor}` in line {event.start_mark.line + 1}")
        return yaml.load(text, Loader=_loader(yaml))
    except yaml.YAMLError as error:
        raise InvalidValue(f"this is no YAML: {' '.join(str(error).split())}") from None


def _known(form: str) -> None:
    if form not in FORMATS:
        raise NotSupported(f"no format `{form}`; there is {', '.join(FORMATS)}")


def _yaml() -> Any:
    try:
        import yaml
    except ImportError:
        raise NotSupported("YAML needs the package `PyYAML`", hint="pip install holdfast[yaml]") from None
    return yaml


def _base(yaml: Any) -> Any:
    return getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _loader(yaml: Any) -> Any:
    """A loader that takes for null, true, numbers what JSON does, and all else for text."""
    import re

    loader: Any = type("Loader", (_base(yaml),), {"yaml_implicit_resolvers": {}})
    for tag, expression, first in (
        ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
        ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
        ("int", r"[-+]?(?:0|[1-9][0-9]*)", list("-+0123456789")),
        ("float", _FLOAT, list("-+.0123456789")),
        ("nan", _NO_NUMBER, list("-+.NI")),
    ):
        loader.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(f"^(?:{expression})$"), first)
    loader.add_constructor("tag:yaml.org,2002:float", lambda loader, node: float(loader.construct_scalar(node)))
    loader.add_constructor("tag:yaml.org,2002:nan", _refuse)
    return loader


def _refuse(_loader: Any, node: Any) -> None:
    sentence = f"expected a JSON value, got {node.value}, which JSON does not have – in line {node.start_mark.line + 1}"
    raise InvalidValue(sentence, hint="if text is meant it stands in quotes")


def members(value: Any) -> Iterator[tuple[str, Any]]:
    """The members of an object. Raises: InvalidValue - it is something else."""
    if type(value) is not dict:
        raise InvalidValue(f"expected an object whose members are first segments, got a {type(value).__name__}", hint="or name a path")
    yield from value.items()


def log_lines(commits: Iterable[Commit]) -> Iterator[str]:
    """The log for people: a line for each commit, an indented one for each change.

    r12  2026-11-20 14:03:22  anna  raise the MTU
         ~ nodes.r1.mtu = 9000 (was 1500)
    """
    for commit in commits:
        when = f"{datetime.fromtimestamp(commit.time_ns / 1e9).astimezone():%Y-%m-%d %H:%M:%S}" if commit.time_ns else "?"
        yield "  ".join(filter(None, (f"r{commit.revision}", when, commit.author, commit.message)))
        yield from (f"     {_change_line(change)}" for change in commit.changes)


def _change_line(change: Change) -> str:
    mark = " (ephemeral)" if change.ephemeral else ""
    if change.op == "delete":
        return f"- {change.path}{mark} (was {_short(change.old)})"
    if change.created:
        return f"+ {change.path} = {_short(change.value)}{mark}"
    return f"~ {change.path} = {_short(change.value)}{mark} (was {_short(change.old)})"


def _short(value: Any) -> str:
    text = msgspec.json.encode(value, order="deterministic").decode()
    return text if len(text) <= 200 else f"{text[:200]}…"


def edges(node: Node, path: Path) -> Iterator[tuple[str, str]]:
    """(parent, child) for everything below a node, as paths; the whole tree's parent is the empty path."""
    if type(node) is Branch:
        for key, child in sorted(node.children.items()):
            yield show(path), show((*path, key))
            yield from edges(child, (*path, key))
