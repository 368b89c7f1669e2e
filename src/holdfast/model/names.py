"""Numbers and the words that people use for them, in both directions.

    names = Names.parse({"rt_tables": text, "rt_protos": text, …})     files of iproute2, as read on the source's host
    names.name_of("rt_tables", 254)       "main"          names.number_of("rt_tables", "main")       254
    names.words_of("rt_flags", 17)        ["dead", "linkdown"]    names.bits_of("rt_flags", ["linkdown"])    16

Which table of names a field has is said by `Field.names`. Pure: files are read by the sources. Words that are the same on
every host are in words.py. A number without a name is shown as a number and a number is always understood as one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from posixpath import basename, dirname
from typing import Final

from holdfast.errors import InvalidValue, UnknownName

from .words import ALIASES, BITS, DEFAULTS, ENUMS

__all__ = ["BUILTIN", "DIRECTORIES", "FILES", "NAME_TABLES", "Names"]

FILES: Final = tuple(DEFAULTS)
"""Names of the files: `<directory>/<file>` and `<directory>/<file>.d/*.conf`."""

DIRECTORIES: Final = ("/usr/lib/iproute2", "/usr/share/iproute2", "/etc/iproute2")
"""Where they may be; what a later directory says wins."""

_SAID: Final = {
    "rt_tables": "routing table", "rt_protos": "routing protocol", "rt_scopes": "scope", "rtn_type": "route type",
    "nud": "neighbour state", "family": "address family",
}  # fmt: skip
"""What an error calls a name of these tables; of others the table's own name."""

HEXADECIMAL: Final = frozenset({"rt_dsfield", "ethertype"})
ROOT: Final = 0xFFFFFFFF
INGRESS: Final = 0xFFFFFFF1


def _parse(text: str) -> dict[int, str]:
    """Lines `number name`, number decimal or 0x…; # begins a comment. Other lines say nothing, as for `ip`."""
    found: dict[int, str] = {}
    for line in text.splitlines():
        words = line.partition("#")[0].split()
        if len(words) < 2:
            continue
        try:
            number = int(words[0], 16 if words[0][:2].lower() == "0x" else 10)
        except ValueError:
            continue
        if number >= 0:
            found[number] = words[1]
    return found


def handle_text(handle: int) -> str:
    """A traffic control handle as `tc` writes it: `1:`, `1:10`, `root`; 0 is `none`."""
    if handle in _HANDLES:
        return _HANDLES[handle]
    major, minor = handle >> 16, handle & 0xFFFF
    return f"{major:x}:" if not minor else f":{minor:x}" if not major else f"{major:x}:{minor:x}"


def handle_number(text: str) -> int:
    """What `handle_text` wrote. Raises: InvalidValue - no such form."""
    for number, word in _HANDLES.items():
        if text == word:
            return number
    major, colon, minor = text.partition(":")
    try:
        if not colon:
            return int(text, 0)
        numbers = int(major or "0", 16), int(minor or "0", 16)
    except ValueError:
        numbers = (-1, -1)
    if not all(0 <= one <= 0xFFFF for one in numbers):
        raise InvalidValue(f"expected a traffic control handle like `1:10` or `root`, got `{text}`")
    return numbers[0] << 16 | numbers[1]


_HANDLES: Final = {0: "none", ROOT: "root", INGRESS: "ingress"}
_FORMATS: Final[Mapping[str, tuple[Callable[[int], str], Callable[[str], int]]]] = {"tc_handle": (handle_text, handle_number)}
_NUMBERS_ONLY: Final = frozenset({"ifindex", "nsid"})
"""Names of these are rows of the database, not words."""

NAME_TABLES: Final = frozenset({*ENUMS, *BITS, *DEFAULTS, *_FORMATS, *_NUMBERS_ONLY})
"""All that `Field.names` may say."""


@dataclass(frozen=True, slots=True)
class Names:
    """The words of one host. `tables`: number to word, of the tables that files say something about."""

    tables: Mapping[str, Mapping[int, str]]
    _numbers: dict[str, Mapping[str, int]] = field(default_factory=dict, init=False, repr=False, compare=False)

    @classmethod
    def parse(cls, files: Mapping[str, str]) -> Names:
        """From the texts of files, by name (`rt_tables`) or path (`/etc/iproute2/rt_tables.d/ours.conf`); later ones win.

        Files of other names are left out; lines that cannot be read are skipped.
        """
        tables = {name: dict(table) for name, table in DEFAULTS.items()}
        for path, text in files.items():
            above = basename(dirname(path))
            table = tables.get(above.removesuffix(".d") if above.endswith(".d") else basename(path))
            if table is not None:
                table.update(_parse(text))
        return cls(tables)

    def table(self, name: str) -> Mapping[int, str]:
        """Number to word. Raises: UnknownName - no such table of names."""
        found = self.tables.get(name) or ENUMS.get(name) or BITS.get(name)
        if found is None:
            if name not in NAME_TABLES:
                raise UnknownName(f"no table of names `{name}`; there are {', '.join(sorted(NAME_TABLES))}")
            return {}
        return found

    def name_of(self, table: str, number: int) -> str:
        """The word for a number; for a table of bits all words, with commas. Without a word the number as text."""
        if table in BITS:
            return ",".join(self.words_of(table, number))
        if table in _FORMATS:
            return _FORMATS[table][0](number)
        word = self.table(table).get(number)
        if word is None:
            return f"0x{number:x}" if table in HEXADECIMAL else str(number)
        return word

    def number_of(self, table: str, text: str | int) -> int:
        """The number of a word, or of a number written as text (decimal, 0x…). For a table of bits see `bits_of`.

        Raises: UnknownName - no such word; names those that there are.
        """
        if isinstance(text, int):
            return text
        if table in BITS:
            return self.bits_of(table, text)
        if table in _FORMATS:
            return _FORMATS[table][1](text)
        found = self._words(table).get(text)
        if found is None:
            found = self._words(table).get(text.lower())
        return _number(table, text, self.table(table)) if found is None else found

    def words_of(self, table: str, bits: int) -> list[str]:
        """The words of the bits that are set, in the order in which `ip` shows them; bits without a word in hex.

        As for `ip`, RUNNING of an interface is not shown, and its lack while it is up is NO-CARRIER.
        """
        rest = bits
        words = []
        for bit, word in self.table(table).items():
            if rest & bit:
                words.append(word)
                rest &= ~bit
        if rest:
            words.append(f"0x{rest:x}")
        if table == "iff":
            running = "RUNNING" in words
            words = [word for word in words if word != "RUNNING"]
            if not running and "UP" in words:
                words.insert(0, "NO-CARRIER")
        return words or (["NONE"] if table == "nud" else [])

    def bits_of(self, table: str, words: str | int | Iterable[str | int]) -> int:
        """The bits of words (a list, or a text with commas); numbers are taken as they are.

        Raises: UnknownName - no such word; names those that there are.
        """
        if isinstance(words, int):
            return words
        bits = 0
        for word in words.split(",") if isinstance(words, str) else words:
            bits |= word if isinstance(word, int) else self._bit(table, word.strip())
        return bits

    def _bit(self, table: str, word: str) -> int:
        if not word or word in ("NO-CARRIER", "NONE", "none"):
            return 0
        found = self._words(table).get(word.lower())
        return _number(table, word, self.table(table)) if found is None else found

    def _words(self, table: str) -> Mapping[str, int]:
        """Word to number: as written, and in lower case."""
        found = self._numbers.get(table)
        if found is None:
            words = {word: number for number, word in self.table(table).items()}
            found = {**ALIASES.get(table, {}), **{word.lower(): number for word, number in words.items()}, **words}
            self._numbers[table] = found
        return found


def _number(table: str, text: str, known: Mapping[int, str]) -> int:
    try:
        return int(text, 16 if text[:2].lower() == "0x" else 10)
    except ValueError:
        there = ", ".join(known.values()) or "numbers only"
        raise UnknownName(f"no {_SAID.get(table, table)} named `{text}`", hint=f"there are: {there}", name=text, table=table) from None


BUILTIN: Final = Names.parse({})
"""Without any file."""
