"""Who is asked, and how.

    state.py      where a node keeps its file, and whether it runs
    opening.py    rows: of the node's file, or of this kernel          past.py       as they were
    file.py       which file that is                                   reading.py    rows, whoever has them
    following.py  changes, as they come                                requests.py   what is asked of what was and of what comes
    steering.py   verbs: of the node, or of this process in its place  changing.py   changes of the network, likewise
    loop.py       where what is asynchronous runs
"""
