"""Who is asked, and how.

    state.py      where a node keeps its file, and whether it runs
    reading.py    rows: of the node's file, or of this kernel          past.py       as they were
    following.py  changes, as they come                                requests.py   what is asked of what was and of what comes
    steering.py   verbs: of the node, or of this process in its place  changing.py   changes of the network, likewise
    loop.py       where what is asynchronous runs
"""
