"""The SQL home: tables of the model, one writer, revisions, history, readers.

    job ──▶ Writer (one thread, one connection) ──▶ holdfast.db ◀── Readers (many threads, read-only connections)
             group commit · revisions · log            │ WAL
             triggers: old rows to <table>_history     └ Checkpoint

A full disk: everybody goes to a private file in memory and comes back with what happened (refuge.py). Copies: backup.py; is a file
whole: check.py, seal.py.

Invariants: one writer at a time: its thread, or who has its turn. A number of a revision is given once, ever. A row's `since` is the
revision of its last change that lasts; each such change leaves the row before in `<table>_history`, so nothing that was committed is lost
to a watch. Who reads sees whole transactions.
It must not know: netlink, sources, what a row means. SQL texts are derived from `holdfast.model`; none names a field of a noun,
but for `views.py` and `lookup.py`, which are about interfaces and routes.
"""
