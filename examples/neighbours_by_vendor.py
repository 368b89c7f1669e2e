"""Counts neighbours by the vendor prefix (OUI) of their link-layer address, and by interface.

    python examples/neighbours_by_vendor.py
"""

from holdfast import NDB

with NDB() as ndb:
    vendors = ndb.sql("""
        SELECT upper(substr(lladdr, 1, 8)) AS prefix, ifname AS dev, count(*) AS neighbours, max(dst) AS one_of_them
        FROM neighbours JOIN interfaces USING (target, ifindex)
        WHERE length(lladdr) = 17 AND lladdr NOT LIKE '33:33:%' AND lladdr NOT LIKE '01:00:5e:%' AND lladdr <> '00:00:00:00:00:00'
        GROUP BY prefix, dev ORDER BY neighbours DESC, prefix
    """)
    for vendor in vendors:
        local = " (locally administered)" if int(vendor.prefix[:2], 16) & 2 else ""
        print(f"{vendor.prefix}{local}  {vendor.neighbours} on {vendor.dev}, such as {vendor.one_of_them}")
    print(f"{ndb.neighbours.count()} entries in all")
