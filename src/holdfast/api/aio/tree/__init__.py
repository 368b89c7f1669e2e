"""The config tree, asynchronous.

    tree.py ─► transaction.py  drafts.py  history.py  session.py  listening.py  extending.py

Paths are texts, `nodes.r1.routes."10.0.0.0/24"`, or tuples of keys.
"""
