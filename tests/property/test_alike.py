"""Always: very many specs, read column by column where they are alike, become what they become one by one."""

import random
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.database.sqlite import Database
from holdfast.errors import HoldfastError
from holdfast.model import TABLES
from holdfast.model.names import BUILTIN
from holdfast.objects import alike, bulk
from holdfast.objects.reading import Reading
from holdfast.objects.view import View
from holdfast.transactions.creations import Creations
from holdfast.transactions.plan import FREE

ADDRESSES = ["10.{}.{}.0", "2001:db8:{}::{}", "192.0.2.{1}", "2001:DB8:0:{}::{}"]
ODD = [None, "", 0, "0", "0.0.0.0", "::", "default", "100", "0x10", True, False, "x", "10.0.0", "1.2.3.4/8", ["10.0.0.1"], {"a": 1}, 3.5]
VALUES = {
    "dst": ["10.{}.{}.0/24", "10.{0}.{1}.0/{0}", "10.{}.{}.0", "2001:db8:{}:{}::/64", "2001:db8:{}::{}", "0.0.0.0/0", "::/0", "{}",
            "10.{}.{}.0/99"],
    "src": ["10.{}.0.0/16", "2001:db8:{}::/48"],
    "gateway": ADDRESSES, "prefsrc": ADDRESSES, "local": ADDRESSES,
    "lladdr": ["02:00:00:00:{:02x}:{:02x}", "02-00-00-AA-00-{:02X}", "00:00:00:00:00:00"],
    "oif": ["eth0", "eth{}", 2, 0], "ifindex": ["eth0", 2, "later{}"], "iifname": ["eth{}"],
    "proto": ["static", "bgp", 4, "186"], "type": ["unicast", "blackhole", "local", 6, 0], "scope": ["link", "global", 0, 253],
    "table": ["main", 100, "0", 0, "{0}"], "family": [2, 10, "inet6", 0, 28], "state": ["permanent", "noarp", 0x80], "flags": [0, 4, 8],
    "metrics": [{"mtu": 1400}, {"mtu": "{}"}, {}], "multipath": [[{"gateway": "10.0.0.1"}, {"gateway": "10.0.0.2"}]],
    "action": [1, "to_tbl", 6], "goto": [100], "group": ["1/2", [{"id": 1}]], "blackhole": [True, 1], "vlan": [0, 5, "7"],
    "target": ["localhost", "blue"],
}  # fmt: skip
NUMBERS = ["{0}", 0, 5, "7"]
PLAIN = {
    "routes": {"dst": "10.{}.{}.0/24", "gateway": "192.0.2.{1}"},
    "neighbours": {"dst": "192.0.2.{1}", "lladdr": "02:00:00:00:{:02x}:{:02x}"},
    "fdb": {"lladdr": "02:00:00:00:{:02x}:{:02x}", "dst": "192.0.2.{1}"},
    "rules": {"src": "10.{}.{}.0/24", "priority": "1{0}"},
    "nexthops": {"id": "1{0}", "gateway": "192.0.2.{1}"},
}
COMMON = {
    "routes": {"table": 100}, "rules": {"table": 100}, "nexthops": {"oif": 2},
    "neighbours": {"ifindex": "eth0"}, "fdb": {"ifindex": "eth0"},
}  # fmt: skip

ON_INTERFACES = ("neighbours", "fdb")
"""Without an interface nothing of these can be made."""


def values(shape, fixed, draw):
    """One value of this shape: with its numbers drawn, unless it is `fixed`."""
    if not isinstance(shape, str):
        return shape
    numbers = (1, 2) if fixed else (draw.randrange(33), draw.randrange(250))
    text = shape.format(*numbers)
    return int(text) if shape == "{0}" and draw.random() < 0.5 else text


def specs_of(table, draw):
    """Specs that are mostly alike: each field of one form, of several, or the same in all; now and then one is odd."""
    if draw.random() < 0.3:  # as scripts have them
        specs = [{name: values(shape, False, draw) for name, shape in PLAIN[table].items()} for _ in range(150)]
        return specs, draw.choice([{}, COMMON[table]] if table not in ON_INTERFACES else [COMMON[table]])
    numbers = ("priority", "id", "tos", "dst_len", "fwmark")
    known = [name for name in (*TABLES[table].columns, "table", "target") if name in VALUES or name in numbers]
    first = {"routes": ["dst"], "neighbours": ["dst"], "fdb": ["lladdr"], "nexthops": ["id"]}.get(table, [])
    if table in ON_INTERFACES and draw.random() < 0.8:
        first = [*first, "ifindex"]
    names = list(dict.fromkeys(first + draw.sample(known, draw.randrange(min(4, len(known)) + 1))))
    draw.shuffle(names)
    forms = {}
    for name in names:
        of_name = ADDRESSES if name == "dst" and table in ("neighbours", "fdb") else VALUES.get(name, NUMBERS)
        forms[name] = draw.sample(of_name, min(len(of_name), draw.choice([1, 1, 1, 2]))), draw.random() < 0.3
    count = draw.choice([alike.LEAST - 1, alike.LEAST, 150])
    specs = [{name: values(draw.choice(of_name), fixed, draw) for name, (of_name, fixed) in forms.items()} for _ in range(count)]
    for _ in range(draw.choice([0, 0, 0, 1, 2])):
        spec = draw.choice(specs)
        if spec:
            spec[draw.choice(list(spec))] = draw.choice(ODD)
    common = draw.choice([{}, {"table": 100}, {"proto": "bgp"}, {"gateway": "10.0.0.1"}, {"dst": "10.0.0.0/8"}, {"priority": 5}])
    return specs, {name: value for name, value in common.items() if name in known and name not in names}


def outcome(view, specs, common):
    try:
        return list(bulk.creations(view, specs, common))
    except HoldfastError as error:
        return type(error), error.message, error.details.get("index")


@pytest.mark.parametrize("odd", [{"dst": "10.0.0/8"}, {"dst": "10.9.0.0/16", "gatway": "x"}, {"dst": "10.9.0.0/16", "proto": "none-such"}])
@pytest.mark.parametrize("place", [0, 5, 4999])
def test_what_is_wrong_among_very_many_is_found(odd, place):
    with Database(":memory:") as database:
        reading = Reading("localhost", lambda target: BUILTIN, lambda: ["localhost"])
        reading.attach(database)
        specs = [{"dst": f"10.{n >> 8}.{n & 255}.0/24", "gateway": "10.0.0.1"} for n in range(5000)]
        specs[place] = odd
        with pytest.raises(HoldfastError) as caught:
            bulk.creations(View(reading, "routes"), iter(specs), {"table": 100})
        assert caught.value.details["index"] == place


@pytest.mark.parametrize("table", sorted(FREE))
def test_alike_or_one_by_one_is_the_same(table):
    with Database(":memory:") as database:
        link = {"ifindex": 2, "ifname": "eth0", "flags": 1, "state": "up"}
        database.write(lambda tx: tx.put(TABLES["interfaces"], "localhost", tuple(link), [[one] for one in link.values()])).result(10)
        reading = Reading("localhost", lambda target: BUILTIN, lambda: ["localhost", "blue"])
        reading.attach(database)
        view = View(reading, table)
        read_so = 0

        @settings(max_examples=300)
        @given(st.integers(0, 1 << 32))
        def check(seed):
            nonlocal read_so
            specs, common = specs_of(table, random.Random(seed))
            with mock.patch.object(Creations, "append", autospec=True, side_effect=Creations.append) as append:
                got = outcome(view, specs, common)
            with mock.patch.object(alike, "LEAST", 1 << 30):
                assert got == outcome(view, specs, common)
            read_so += append.call_count < len(specs) / 2 and isinstance(got, list)

        check()
        assert read_so >= 60, "column by column must be what is tried here"
