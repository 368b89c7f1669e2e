"""The public classes, asynchronous: `from holdfast.aio import NDB, Tree`. `scripts/generate` makes api/sync from this folder.

    ndb.py ─► sources.py  view.py  transaction.py  watch.py  db.py        tree/ the config tree

Reading is plain: rows come from the local database, in the caller's thread; the tree stands in memory. What waits is awaited.
`async for record in ndb.routes.dump()` reads large tables in worker threads, a plain `for` in this one.
"""
