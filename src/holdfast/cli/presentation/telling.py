"""A change in one line, as `ip monitor` would say it if it knew what was before.

+ route 10.1.0.0/16 via 10.0.0.2 dev eth0 table main proto static metric 100
~ interface eth0: state up → down, oper up → down, flags -LOWER_UP +NO-CARRIER
- address eth0 10.0.0.1/24 scope global
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from holdfast.cli.language.looks import LOOKS, Look, View
from holdfast.cli.language.spelling import Spelling, compact
from holdfast.model import Field
from holdfast.model.words import BITS

from .style import Style, printable

if TYPE_CHECKING:
    from holdfast.database.home import Change

__all__ = ["Teller", "changed_fields", "sign_of"]

_ROLES: Final = {"+": "good", "-": "bad", "~": "changed"}
_LONGEST: Final = 60
_NONE: Final = "none"


def sign_of(change: Change) -> str:
    """`+` new, `-` gone, `~` changed."""
    return "-" if change.op == "delete" else "~" if change.old is not None else "+"


def changed_fields(change: Change) -> list[str]:
    """The lasting fields that are different; empty for rows that came or went."""
    if change.op == "delete" or change.old is None:
        return []
    return [
        field.name
        for field in LOOKS[change.table].table.fields
        if not field.volatile and change.row.get(field.name) != change.old.get(field.name)
    ]


class Teller:
    """Tells changes. It learns the names of interfaces from those that it tells, so tell all changes of `interfaces`."""

    def __init__(self, spelling: Spelling, style: Style, *, wide: bool = False) -> None:
        self.spelling = spelling
        self.style = style
        self.wide = wide

    def line(self, change: Change, *, with_target: bool = False) -> str:
        """The line, without time and revision."""
        look, sign, style = LOOKS[change.table], sign_of(change), self.style
        self._learn(change)
        target = f"[{printable(str(change.row['target']))}] " if with_target else ""
        if sign == "~":
            parts = ", ".join(self._differences(look, change))
            told = f"{self._sentence(look, change.row, labels_only=True)}: {parts}"
        else:
            told = self._sentence(look, change.row, labels_only=False)
        return f"{self.sign(sign)} {style('dim', target)}{look.table.noun} {told}"

    def learn(self, changes: Iterable[Change]) -> None:
        """Take in the names of interfaces before any line speaks of them."""
        for change in changes:
            self._learn(change)

    def _learn(self, change: Change) -> None:
        if change.table == "interfaces" and change.op == "put":
            row = change.row
            self.spelling.learn((row["target"], row["ifindex"], row["ifname"], row.get("altnames"), None))

    def _sentence(self, look: Look, row: Mapping[str, Any], *, labels_only: bool) -> str:
        """`10.0.0.0/24 via 10.0.0.1 dev eth0`: the labels first, the first one without its word."""
        views = sorted(look.views, key=lambda view: view.label or 99)
        words: list[str] = []
        for view in views:
            if not view.told or (labels_only and not view.label):
                continue
            text = self.text(look, view, [row.get(name) for name in view.fields], row["target"])
            if not text:
                continue
            painted = self.style(view.role, text)
            words.append(painted if view.bare or not words else f"{view.heading.lower()} {painted}")
        if look.beneath and not labels_only:
            names, lines = look.beneath
            words += lines(self.spelling, row["target"], *(row.get(name) for name in names))
        return " ".join(words)

    def text(self, look: Look, view: View, values: Sequence[Any], target: str) -> str:
        """A column's text, from the values of its fields."""
        if view.text is not None:
            return printable(view.text(self.spelling, target, *values))
        return printable(self.spelling.text(look.table[view.fields[0]], target, values[0]))

    def sign(self, sign: str) -> str:
        return self.style(_ROLES[sign], sign)

    def _differences(self, look: Look, change: Change) -> Iterator[str]:
        headings = {view.fields[0]: view.heading.lower() for view in reversed(look.views) if len(view.fields) == 1}
        before: Mapping[str, Any] = change.old or {}
        for name in changed_fields(change):
            field = look.table[name]
            if field.derive and name in look.table.key:
                continue  # says again what other fields say
            word = headings.get(name, name)
            yield from self._difference(field, word, change.row["target"], before.get(name), change.row.get(name))

    def _difference(self, field: Field, word: str, target: str, old: Any, new: Any) -> Iterator[str]:
        if field.names in BITS:
            was, now = self.spelling.flags(field.names, old), self.spelling.flags(field.names, new)
            moved = [f"-{one}" for one in was if one not in now] + [f"+{one}" for one in now if one not in was]
            if moved:
                yield f"{word} {' '.join(moved)}"
        elif field.json:
            # attributes of a kind have names of their own
            own = field.name in ("kind_data", "port_data") and isinstance(old, dict) and isinstance(new, dict)
            yield from self._inner("" if own else word, old, new)
        else:
            yield self._arrow(word, self.spelling.text(field, target, old), self.spelling.text(field, target, new))

    def _inner(self, word: str, old: Any, new: Any) -> Iterator[str]:
        """Inside of JSON: only what is different, each with its path."""
        if isinstance(old, dict) and isinstance(new, dict):
            for name in dict.fromkeys((*old, *new)):
                if old.get(name) != new.get(name):
                    yield from self._inner(f"{word}.{name}" if word else name, old.get(name), new.get(name))
        else:
            yield self._arrow(word, "" if old is None else compact(old), "" if new is None else compact(new))

    def _arrow(self, word: str, old: str, new: str) -> str:
        return f"{word} {self._cut(old)} → {self.style('state', self._cut(new))}"

    def _cut(self, text: str) -> str:
        text = printable(text) or _NONE
        return text if self.wide or len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
