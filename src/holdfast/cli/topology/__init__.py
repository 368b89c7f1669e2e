"""`holdfast show topology`: the graph of holdfast.story.topology as text, dot, SVG or JSON. A file per format."""

from __future__ import annotations

from .show import FORMATS, show_topology

__all__ = ["FORMATS", "show_topology"]
