"""What happened, told: the log with what each revision changed, and the differences between two points in time.

    log lines ┐                       ┌ log.entries(…)         newest first, page by page
    history   ┴─ told.py: old → new ──┴ diff.differences(…)    two points in time

Invariants: nothing is told that is not known: where a history begins later an entry says so. Memory is bounded by a page, however
long the log is. It must not know: sources, netlink, how anything is printed.
"""
