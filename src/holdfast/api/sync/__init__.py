# made from api/aio by scripts/generators/sync.py; scripts/generate writes it anew
"""The public classes, synchronous: `from holdfast import NDB, Tree`.

What waits runs on a background loop; rows are read in the calling thread. Any thread may call anything.
"""
