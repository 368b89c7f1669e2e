"""Findings, aligned: how each thing is, what was found, and what to do about it."""

from __future__ import annotations

import json
import sys
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from .layout import terminal_width
from .style import printable, style_for

if TYPE_CHECKING:
    from holdfast.database.check import Finding

__all__ = ["print_findings"]

_ROLES: Final = {"ok": "good", "note": "changed", "problem": "bad"}
_WIDTH: Final = 120
_LEVEL: Final = len("problem")


def print_findings(findings: Sequence[Finding], *, as_json: bool, colour: str) -> int:
    """Print them; returns the exit code: 1 if there is a problem."""
    code = int(any(one.level == "problem" for one in findings))
    if as_json:
        print(json.dumps([one.as_dict() for one in findings], ensure_ascii=False))
        return code
    style = style_for(sys.stdout, colour)
    about = max((len(one.about) for one in findings), default=0)
    indent = " " * (_LEVEL + about + 4)
    width = max((terminal_width(sys.stdout) or _WIDTH) - len(indent), 30)
    for one in findings:
        head = f"{style(_ROLES[one.level], f'{one.level:{_LEVEL}}')}  {one.about:{about}}  "
        lines = _folded(one.text, width)
        print(head + lines[0])
        for line in lines[1:]:
            print(indent + line)
        for line in _folded(f"→ {one.todo}", width) if one.todo else ():
            print(indent + style("dim", line))
    return code


def _folded(text: str, width: int) -> list[str]:
    return textwrap.wrap(printable(text), width, break_long_words=False, break_on_hyphens=False) or [""]
