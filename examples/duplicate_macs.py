"""Finds link-layer addresses that more than one interface has, in all named network namespaces.

    sudo python examples/duplicate_macs.py

Interfaces on top of others (VLANs, bridges, bonds) share their address by right, and are left out.
"""

from holdfast import NDB

DUPLICATES = """
    WITH bottoms AS (
      SELECT target, ifname, address FROM interfaces
      WHERE ifi_type = 1 AND address NOT IN ('', '00:00:00:00:00:00')
        AND (link IS NULL OR kind IN ('veth', 'netkit')) AND coalesce(kind, '') NOT IN ('bridge', 'bond', 'team'))
    SELECT address, count(*) AS times, group_concat(target || '/' || ifname, ' ') AS interfaces
    FROM bottoms GROUP BY address HAVING times > 1 ORDER BY times DESC, address
"""

with NDB(auto_netns=True) as ndb:
    found = list(ndb.sql(DUPLICATES))
    for one in found:
        print(f"{one.address}  {one.times}x  {one.interfaces}")
    if not found:
        print(f"no address stands twice among {ndb.interfaces.count()} interfaces of {len(ndb.sources)} namespaces")
