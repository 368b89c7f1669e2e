"""What the network is, as Python objects, and how they change it: keys in any spelling, records, views, live objects.

    reading    key ──spec──► columns ──view──► row ──object──► ndb.interfaces["eth0"]["mtu"], as of now
                                         └──────records──► dump(), summary(): lazy sets of named tuples
    changing   set(…) ──values──► waits in the object (pending) ──batch──► requests ──► the engine ──► a row again
                                          chains, queues, checks ──┘  (commit, transaction)

    spec.py       every spelling of a key becomes one       following.py  a row that follows the system
    view.py       the rows of a table, found and listed     object.py     … and takes changes
    records.py    named tuples in lazy sets                 interface.py  … with what is on it
    formats.py    records as text                           reading.py    SQL and decoding, shared by all of them

    values.py     what people write becomes values          batch.py      objects become requests
    words.py ways.py  words, hops, encapsulations           commit.py     one commit of any number of objects
    defaults.py   what follows when something is made       transaction.py  objects and checks in order
    pending.py    what waits in an object                   snapshot.py   what to come back to
    checks.py echo.py  what must hold                       bulk.py       very many at once

Invariants: nothing is loaded in advance; what was told to somebody is seen by him in every object; field names are those of
the model and, where SQL reserves the word, NDB's (`index`, `table`, `group`) as well. All that one commit asks for is one
transaction of the engine; values are normalised before they are compared; a refused change leaves the system's value.
It must not know of sources, of the mirror, or of messages: it reads a database, and hands requests to an engine.
"""
