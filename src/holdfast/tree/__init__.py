"""The config tree: a schema-less, versioned JSON tree in the database's file, with transactions, history, watches and what lives on them.

    put delete merge ─► proposal ─► Store ─── the writer's job: check, edit, rows + log line ─── COMMIT, synced
    transaction, draft ─┘   ▲         │
       schemas, before hooks┘         ├─► head (immutable, in memory) ◄── get, keys, find: any thread, no lock
                                      ├─► hub ─► watches, after hooks      ◄── history: rows since/until, by revision
                                      └─► the answer

Invariants: a commit is whole, on the disk and in `head` before anybody is told of it. What is read has been compared with its
checksum, when the head was loaded or when the row was read. A node is the same object before and after a commit that did not touch
it or anything below it. Nothing that was committed goes but by compaction. A watch is told of each commit once, in order.
It must not know: the network, sources, the objects of the live side; who may do what; servers and sockets.

    paths values patterns     what can be said         store rows draft     what is kept
    head wide edit            the tree in memory       past looking text    what is read
    commit pending            what is asked, answered  core                 all of it together
DESIGN.md says why it is so.
"""
