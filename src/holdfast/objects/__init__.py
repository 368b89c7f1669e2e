"""What the network is, as Python objects: keys in any spelling, records, views, live objects. Reading, in any thread.

    key ──spec──► columns ──view──► row ──object──► ndb.interfaces["eth0"]["mtu"], as of now
                              └──────────records──► dump(), summary(): lazy sets of named tuples

    spec.py      every spelling of a key becomes one       view.py     the rows of a table, found and listed
    records.py   named tuples in lazy sets                 object.py   a row that follows the system
    formats.py   records as text                           reading.py  SQL and decoding, shared by all of them

Invariants: nothing is loaded in advance; what was told to somebody is seen by him in every object; field names are those of
the model and, where SQL reserves the word, NDB's (`index`, `table`, `group`) as well.
It must not know of sources, sockets or the loop: it reads a database.
"""
