"""How a network is spoken of: names, filters, orders.

    filters.py   `dev eth0 table 100` ─▶ conditions.py: in SQL, and asked of a row        looks/    a noun's columns, and words to filter by
    spelling.py  numbers <─▶ names, ifindex <─▶ ifname                                    orders/   a noun's words in changes
    noun_help.py all of them on a page: `show NOUN help`, `add NOUN help`
"""
