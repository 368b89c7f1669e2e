"""The public classes: `NDB` and what it hands out, asynchronous (aio) and synchronous (sync, made from aio).

    aio.NDB ◄─scripts/generate─► sync.NDB ── bridge (one background loop thread)
        └────────── core ──────────┘
          Core: database + mirror + sources, on a loop

Invariants: reading rows happens in the caller's thread and never waits for the loop; what changes or waits for something
happens on the loop. The two folders say the same in the same order; a test makes the second one anew and compares.
It must not know of the command line or the server.
"""
