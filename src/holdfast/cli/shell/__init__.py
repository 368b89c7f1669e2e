"""`holdfast shell`: the commands of the program as lines, one after another, with one who has the tree for all of them.

    line ─► words ─► command (the program's own, or derived from the same verbs) ─► Keeper: the node, or the file ─► shown

    words.py      a line into words                        commands.py    the commands that only a shell has
    keeping.py    who has the tree                         following.py   subscriptions that tell in the background
    drafting.py   the current draft in its place           topics.py      what `help` teaches
    shell.py      one line after another
    prompt.py     on a terminal: editor, history, colour   completing.py  what could follow
    script.py     from standard input

Invariant: whatever a line is, an answer or one error comes of it; the shell goes on.
"""
