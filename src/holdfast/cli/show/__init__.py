"""What `holdfast show` shows.

    table.py   rows of a noun        page.py  one interface, with all that belongs to it        topology/  what is connected with what
"""
