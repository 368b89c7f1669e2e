# made from api/aio/tree by scripts/generators/sync.py; scripts/generate writes it anew
"""The config tree, synchronous. A commit is waited for in the calling thread."""
