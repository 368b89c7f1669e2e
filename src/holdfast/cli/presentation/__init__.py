"""How things look, whatever they are.

    style.py    colour            telling.py   a change in one line        findings.py   what `check` and `doctor` found
    layout.py   aligned columns   pace.py      many changes as sums
    listing.py  rows ─▶ columns   rows.py      rows as JSON
"""
