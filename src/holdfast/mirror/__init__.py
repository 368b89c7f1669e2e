"""Keeps the tables equal to what the sources tell: load, follow, ask again, repair.

    events socket ──bytes──▶ line (writer thread) ──▶ applier ──▶ rows
                                                        │
                                                        └─ rules: what the event does not say ──▶ agenda
    dump socket ◀──questions── reading (worker thread) ◀────────────────────────────────────────────┘
         └──────answers──────▶ settling: mark and sweep, within what was asked ──▶ rows

    mirror       any number of sources; one failing never stops another
    supervisor   the life of one source: connecting, loading, running, failed, ended
    rules, paths pure: what follows from an event; what a route event does to its prefix
    journal      which rows events touched while a dump was on its way: there the event is right

Invariants: one read cycle is one transaction; what is uncertain is asked, never guessed; a failed write leads to reading
everything again. It must not know of objects, commands or presentation.
"""
