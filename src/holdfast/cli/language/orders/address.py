"""`add address 10.0.0.1/24 dev eth0 label eth0:1 valid_lft 3600 preferred_lft forever`"""

from __future__ import annotations

from typing import Any, Final

from holdfast.errors import InvalidValue
from holdfast.model import ADDRESSES

from .forms import is_prefix
from .order import Order, Say, Words, bits, value

__all__ = ["ADDRESS"]

_FLAGS: Final = ("home", "mngtmpaddr", "nodad", "optimistic", "noprefixroute", "autojoin")


def _lifetime(name: str) -> Say:
    def say(fields: dict[str, Any], words: Words) -> None:
        text = words.take()
        fields[name] = None if text == "forever" else _seconds(text, name)

    return say


def _seconds(text: str, word: str) -> int:
    try:
        return int(text.removesuffix("sec"))
    except ValueError:
        raise InvalidValue(f"expected seconds or `forever`, got `{text}` – at `{word}`") from None


def _peer(fields: dict[str, Any], words: Words) -> None:
    """Ours stays `local`; the prefix is of the other end."""
    mine = fields.pop("address", None)
    if mine is None:
        raise InvalidValue("expected our own address in front of `peer` – in the words of the address")
    fields["local"] = str(mine).partition("/")[0]
    fields["address"] = words.take()


ADDRESS: Final = Order(
    ADDRESSES,
    {
        "dev": value("ifindex"),
        "peer": _peer,
        "brd": value("broadcast"),
        "metric": value("rt_priority"),
        "valid_lft": _lifetime("valid_lft"),
        "preferred_lft": _lifetime("preferred_lft"),
        **{word: bits("flags", word) for word in _FLAGS},
    },
    {"address": is_prefix},
    key=("address", "local", "prefixlen", "ifindex", "family"),
)
