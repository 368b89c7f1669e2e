"""Kits for tests, ours and those of people who build on Holdfast. Nothing in Holdfast imports them; they may import all.

    netns     network namespaces of one's own, driven and read back through iproute2, checked when they go
    kinds     what this kernel can do: link kinds, qdiscs, features; each tried once
    clock     a clock that moves when told, for code that waits
    rows      hypothesis strategies: rows of any table, made from its declaration
    plugin    the above as pytest fixtures: `pytest_plugins = ["holdfast.testing.plugin"]` in a conftest.py

What is tested here is always another program's word (iproute2, the kernel), never our own code against itself.
"""
