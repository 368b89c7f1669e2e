"""Files that are made from other files, so that a thing is said once.

Each module here has a function `files()` that returns {path in the project: text}; it only reads. `scripts/generate`
writes them, tests/unit/test_house_generated.py compares them. A generated file names its generator on its first lines.
"""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path

__all__ = ["PROJECT", "made", "outdated"]

PROJECT = Path(__file__).resolve().parents[2]


def made() -> dict[str, str]:
    """All generated files as they should be."""
    files: dict[str, str] = {}
    for module in pkgutil.iter_modules(__path__):
        if not module.name.startswith("_"):
            files |= importlib.import_module(f"{__name__}.{module.name}").files()
    return files


def outdated() -> dict[str, str]:
    """Those that are not as they should be."""
    return {path: text for path, text in made().items() if not (PROJECT / path).exists() or (PROJECT / path).read_text("utf-8") != text}
