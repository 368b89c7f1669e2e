"""Counts routes by table and by who installed them, in SQL.

    python examples/routes_by_protocol.py
"""

from holdfast import NDB

with NDB() as ndb:
    counts = ndb.sql("""
        SELECT rt_table_name(table_id) AS "table", rt_proto_name(proto) AS protocol, family_name(family) AS family, count(*) AS routes
        FROM routes GROUP BY table_id, proto, family ORDER BY routes DESC, 1, 2, 3
    """)
    print(counts.format("md"))
