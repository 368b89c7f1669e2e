"""What `holdfast show` shows.

    table.py   rows of a noun                                   noun_help.py  its columns and words: `show NOUN help`
    page.py    one interface, with all that belongs to it       topology/     what is connected with what
"""
