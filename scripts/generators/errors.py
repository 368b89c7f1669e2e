"""docs/reference/errors.md, from src/holdfast/errors.py."""

from __future__ import annotations

import inspect

from holdfast import errors

PAGE = "docs/reference/errors.md"

HEAD = """<!-- made by scripts/generators/errors.py from src/holdfast/errors.py; scripts/generate writes it anew -->

# Errors

Everything that Holdfast raises on purpose is a `HoldfastError`, and looks the same in Python, in `--json` output and in logs:
`error`, `code`, `message`, `retryable`, and where there is more to say `hint` and `details`. A retryable error may go away by
itself: the same call can succeed later.
"""


def files() -> dict[str, str]:
    drawing = inspect.cleandoc((errors.__doc__ or "").split("\n\n")[1])
    rows = ["| error | code | retryable | is |", "|---|---|---|---|"]
    for name in sorted(errors.__all__):
        error = getattr(errors, name)
        if isinstance(error, type) and error.__name__ == name:
            meaning = _meaning(name, error, drawing)
            code = "the errno" if issubclass(error, errors.KernelError) else f"`{error.code}`"
            rows.append(f"| `{name}` | {code} | {'yes' if error.retryable else 'no'} | {meaning} |")
    return {PAGE: "\n".join([HEAD, "```text", drawing, "```", "", *rows, ""])}


def _meaning(name: str, error: type, drawing: str) -> str:
    for line in drawing.splitlines():
        words = line.lstrip("│├└─ ").split(maxsplit=1)
        if words[:1] == [name] and len(words) == 2:
            return words[1]
    return " ".join((error.__doc__ or "").split("\n")[0].split())
