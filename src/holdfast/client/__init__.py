"""Asking a node from another process. Imports only model and errors, so that sources, drivers and the command line can use it.

    unix.py   over the node's Unix socket, synchronous, with the standard library alone: a command starts without a web client
    holder.py who has a database
"""
