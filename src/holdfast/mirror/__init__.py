"""Sources to tables: load, events, what events do not tell, repair; and watches over what came of it.

    source ── events ──► Line.cycle ──► Applier ──► rows          (writer thread, one transaction per read)
       ▲                     │             │
       │                     │          rules: what goes silently, what must be asked
       │                     ▼             ▼
       └── Reading.ask ◄── Agenda ◄── questions                   (worker threads; the loop decides when)
               │
               └── answers ──► Line.settle ──► only what differs  (writer thread)

    mirror.py      all sources of a database, added, removed, followed         supervisor.py  the life of one
    line.py        its jobs in the writer thread                               reading.py     its questions in a worker thread
    rules.py paths.py consequence.py agenda.py batches.py pauses.py            pure
    replacing.py   routes that take the place of others, in runs
    looking.py     what no event tells, looked at a few times a second         answers.py     what a source said
    applier.py journal.py settling.py                                          events and answers into rows
    bell.py watch.py                                                           who waits for changes
    namespaces.py  names under /run/netns       status.py  states and counters       tape.py  recording, replaying

Invariants: events of a source are applied in the order in which the kernel sent them; a row that an event touched while a dump
was on its way is the event's; whatever cannot be applied leads to reading all again, never to silence; nothing is deleted
because a read failed. It knows nothing of objects, transactions of users, and presentation. More in DESIGN.md.
"""
