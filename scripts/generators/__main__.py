"""`scripts/generate` and `scripts/generate --check`."""

import sys

from scripts.generators import PROJECT, outdated

old = outdated()
for path, text in old.items():
    if sys.argv[1:] == ["--check"]:
        print(f"old: {path}; scripts/generate makes it new")
    else:
        (PROJECT / path).parent.mkdir(parents=True, exist_ok=True)
        (PROJECT / path).write_text(text, encoding="utf-8")
        print(f"written: {path}")
sys.exit(bool(old) and sys.argv[1:] == ["--check"])
