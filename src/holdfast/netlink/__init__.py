"""The wire: netlink bytes <-> rows, and the sockets they travel through.

    socket ──bytes──▶ codec.decode ──Batch──▶ (mirror)          codec.encode / dump_request ──bytes──▶ socket
                        │
                        ├─ bulk    runs of equal messages, column by column
                        ├─ rows    one message at a time, compiled from the table's declaration
                        ├─ shapes  one payload: integer, address, nest, struct …
                        └─ route, link, vlan, traffic …   payloads with a grammar of their own

Invariants: the codec is pure (no socket, clock, environment); what it does not know it keeps; arbitrary bytes give a
DecodeError or an Undecoded, never another exception. It must not know of databases, sources or objects.
"""
