"""The config tree on the command line and in the shell.

    verb (api/config.py) ──derive──► click command ──call──► node or file ──► shown by how its result looks

    derive.py     arguments and options from a verb's signature      verbs.py    what the commands are called, with examples
    values.py     values as people type them, and as they read them  showing.py  results as text
    editing.py    `holdfast edit`
"""
