"""What a program may tune while it runs: `from holdfast import config; config.cache_expire = 5`.

Plain module variables, read at each use, so that a change counts at once for every open NDB.
"""

from __future__ import annotations

__all__ = ["cache_expire", "cache_size", "show_format"]

cache_expire: float = 60.0
"""Objects that nobody asked a view for during so many seconds leave its cache."""

cache_size: int = 1000
"""The most objects that one view keeps; the one that was idle longest leaves first."""

show_format: str = "native"
"""How `object.show()` shows, when it is not told: native, json, csv, md or yaml."""
