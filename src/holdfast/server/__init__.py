"""The node's server: its verbs, for other processes, over HTTP.

    holdfast put …, a script ──HTTP/Unix socket──► App ──verb──► the public classes (api)

    app.py      routes, arguments, answers, streams        unix.py    the socket in the node's home
    answers.py  errors as HTTP: one status per class

Invariants: what a verb does is the api's, and so are its errors; here is only their way in and out. Blocking work never stands
on the loop. It must not know of presentation.
"""
