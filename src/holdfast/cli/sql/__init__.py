"""`holdfast sql` on a terminal: statements typed one after another.

schema.py      tables, columns, functions that can be named     commands.py   .tables .schema .mode …
completing.py  what could follow what was typed (pure)          prompt.py     the line editor and its loop
"""
