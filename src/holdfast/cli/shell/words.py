"""A line of the shell into words.

    put nodes.r1 {name: r1, mtu: 1500}        what begins with { or [ is one word until it is closed
    get nodes.r1.routes."10.0.0.0/24".metric  quotes behind a dot belong to the path
    show routes --at "10 minutes ago"         quotes round a word hold it together, and go
    put a.b 'x'   # why                       so do single quotes; what follows a # is a remark
"""

from __future__ import annotations

from typing import Final

from holdfast.errors import InvalidValue

__all__ = ["Word", "split"]

_CLOSING: Final = {"{": "}", "[": "]"}


class Word(str):
    """As a command gets it. raw: as it was typed, where: at which character it begins."""

    __slots__ = ("raw", "where")
    raw: str
    where: int

    @classmethod
    def of(cls, text: str, raw: str, where: int = 0) -> Word:
        word = cls(text)
        word.raw, word.where = raw, where
        return word

    @property
    def literal(self) -> str:
        """For paths and values, whose double quotes mean something; single ones only hold a word together."""
        return str(self) if self.raw.startswith("'") else self.raw


def split(line: str, *, unfinished: bool = False) -> list[Word]:
    """The words. unfinished: the last one may lack its closing quote or bracket. Raises: InvalidValue - it lacks it."""
    words: list[Word] = []
    at = 0
    while True:
        while at < len(line) and line[at].isspace():
            at += 1
        if at == len(line) or line[at] == "#":
            return words
        reader = _Reader(line, at)
        at = reader.read()
        if reader.missing and not unfinished:
            raise InvalidValue(f"expected `{reader.missing}`, got the end of the line – behind `{line[reader.opened :][:40]}`")
        words.append(Word.of("".join(reader.text), line[reader.start : at], reader.start))


class _Reader:
    """Reads one word. missing: what would have closed it."""

    def __init__(self, line: str, start: int) -> None:
        self.line = line
        self.start = self.at = start
        self.text: list[str] = []
        self.missing = ""
        self.opened = start

    def read(self) -> int:
        """Where it ends."""
        if self.line[self.at] in _CLOSING:
            self._brackets()
        while self.at < len(self.line) and not self.line[self.at].isspace():
            char = self.line[self.at]
            if char in "\"'":
                self._quotes(char)
            else:
                self.text.append(char)
                self.at += 1
        return self.at

    def _brackets(self) -> None:
        """Up to the one that closes the first, as it stands."""
        self.opened, open_ = self.at, []
        while self.at < len(self.line):
            char = self.line[self.at]
            if char in "\"'" and self.line[self.at - 1] in " \t{[,:":
                self._take(self._end_of_quotes(char))
                continue
            if char in _CLOSING:
                open_.append(_CLOSING[char])
            elif open_ and char == open_[-1]:
                open_.pop()
            self._take(self.at + 1)
            if not open_:
                return
        self.missing = open_[-1]

    def _quotes(self, quote: str) -> None:
        first = self.at == self.start
        end = self._end_of_quotes(quote)
        in_path = quote == '"' and ((self.line[self.at - 1] == "." and not first) or (first and self.line[end : end + 1] == "."))
        if in_path:
            self._take(end)
            return
        inner = self.line[self.at + 1 : end if self.missing else end - 1]
        self.text.append(inner.replace('\\"', '"').replace("\\\\", "\\") if quote == '"' else inner)
        self.at = end

    def _end_of_quotes(self, quote: str) -> int:
        """Behind the closing one, or the end of the line."""
        at = self.at + 1
        while at < len(self.line) and self.line[at] != quote:
            at += 2 if quote == '"' and self.line[at] == "\\" else 1
        if at >= len(self.line):
            self.missing, self.opened = quote, self.at
            return len(self.line)
        return at + 1

    def _take(self, end: int) -> None:
        self.text.append(self.line[self.at : end])
        self.at = end
