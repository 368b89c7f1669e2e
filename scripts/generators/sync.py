"""The synchronous twins, src/holdfast/api/sync of api/aio: the same for programs without a loop.

    async def, async with, async for     def, with, for
    await in_worker(f, a)                f(a)                    what only blocks for a moment happens in the caller's thread
    await settled(future)                answer(future)          what another thread does is waited for without the loop
    await x.reading.commit(…)            x.reading.commit_here(…)  what is simple needs no loop
    await other(…)                       run(other(…))           on the background loop
    __aenter__, __anext__ …              __enter__, __next__ …
    a class that can be awaited          its constructor does what awaiting does, and it is closed when the interpreter ends

The text is edited where the syntax tree says, so comments and layout stay as they are.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

API = "src/holdfast/api"
MADE = "# made from api/{name} by scripts/generators/sync.py; scripts/generate writes it anew"

NAMES = {
    "__aenter__": "__enter__",
    "__aexit__": "__exit__",
    "__aiter__": "__iter__",
    "__anext__": "__next__",
    "StopAsyncIteration": "StopIteration",
}
BRIDGE = "from holdfast.api.bridge import answer, closed_at_exit, run"
PACKAGES = {
    "": f'''{MADE.format(name="aio")}
"""The public classes, synchronous: `from holdfast import NDB, Tree`.

What waits runs on a background loop; rows are read in the calling thread. Any thread may call anything.
"""
''',
    "tree/": f'{MADE.format(name="aio/tree")}\n"""The config tree, synchronous. A commit is waited for in the calling thread."""\n',
}


def files() -> dict[str, str]:
    home = Path(__file__).resolve().parents[2] / API / "aio"
    found = {f"{API}/sync/{folder}__init__.py": text for folder, text in PACKAGES.items()}
    for path in sorted(home.rglob("*.py")):
        if path.name != "__init__.py":
            name = path.relative_to(home)
            found[f"{API}/sync/{name}"] = twin(path.read_text("utf-8"), f"aio/{name}")
    return found


def twin(source: str, name: str) -> str:
    """The synchronous text of an asynchronous module."""
    edits = _Edits(source, name)
    edits.visit(ast.parse(source))
    return _with_what_is_used(edits.text())


class _Edits(ast.NodeVisitor):
    """Gathers replacements (start, end, text) by byte offsets, as the tree has them."""

    def __init__(self, source: str, name: str) -> None:
        self._name = name
        self._source = source.encode()
        self._starts = [0]
        for line in self._source.splitlines(keepends=True):
            self._starts.append(self._starts[-1] + len(line))
        self._found: list[tuple[int, int, str]] = []

    def text(self) -> str:
        data = self._source
        for start, end, text in sorted(self._found, reverse=True):
            data = data[:start] + text.encode() + data[end:]
        return data.decode()

    # ------------------------------------------------------------------------------------------------ nodes

    def visit_Module(self, node: ast.Module) -> None:
        head = node.body[0]
        text = _plain(self._source[self._start(head) : self._end(head)].decode()).replace("holdfast.aio", "holdfast")
        self._replace(head, f"{MADE.format(name=self._name)}\n{text}")
        for statement in node.body[1:]:
            self.visit(statement)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        if node.module == "holdfast.api.bridge":
            self._found.append((self._start(node), self._end(node) + 1, ""))
        elif node.module and node.module.startswith("holdfast.api.aio"):
            self._replace(node, ast.unparse(node).replace("holdfast.api.aio", "holdfast.api.sync"))

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        methods = {one.name: one for one in node.body if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)}
        awaiting = methods.get("__await__")
        if awaiting:
            self._found.append((self._at(awaiting.lineno, 0), self._at((awaiting.end_lineno or 0) + 2, 0), ""))
            last = methods["__init__"].body[-1]
            self._found.append((self._end(last), self._end(last), "\n        self.open()\n        closed_at_exit(self._core)"))
        for one in node.body:
            if one is not awaiting:
                self.visit(one)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self._drop("async ", self._start(node))
        self._rename(node.name, self._start(node))
        self._quiet(node)
        self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self._rename(node.name, self._start(node))
        self.generic_visit(node)

    def visit_AsyncWith(self, node: ast.AsyncWith) -> None:
        self._drop("async ", self._start(node))
        self.generic_visit(node)

    def visit_AsyncFor(self, node: ast.AsyncFor) -> None:
        self._drop("async ", self._start(node))
        self.generic_visit(node)

    def visit_Await(self, node: ast.Await) -> None:
        called = node.value
        start = self._start(node)
        if isinstance(called, ast.Call) and isinstance(called.func, ast.Name) and called.func.id == "settled":
            self._found.append((start, self._end(called.func), "answer"))
        elif isinstance(called, ast.Call) and isinstance(called.func, ast.Name) and called.func.id == "in_worker":
            first = called.args[0]
            if isinstance(first, ast.Lambda):
                self._found.append((start, self._start(first.body), ""))
                self._found.append((self._end(first.body), self._end(called), ""))
                self.visit(first.body)
                return
            rest = self._start(called.args[1]) if len(called.args) > 1 else self._end(called) - 1
            self._found.append((start, self._start(first), ""))
            self._found.append((self._end(first), rest, "("))
        elif isinstance(called, ast.Call) and ast.unparse(called.func).endswith("reading.commit"):
            self._found.append((start, self._start(called), ""))
            self._found.append((self._end(called.func), self._end(called.func), "_here"))
        elif self._is_ours(called):
            self._found.append((start, self._start(called), ""))
        else:
            self._found.append((start, self._start(called), "run("))
            self._found.append((self._end(called), self._end(called), ")"))
        self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> None:
        if node.id in NAMES:
            self._replace(node, NAMES[node.id])

    def visit_Attribute(self, node: ast.Attribute) -> None:
        self.generic_visit(node)
        if node.attr in NAMES:
            self._found.append((self._end(node) - len(node.attr), self._end(node), NAMES[node.attr]))

    def visit_Expr(self, node: ast.Expr) -> None:
        if isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            text = self._source[self._start(node) : self._end(node)].decode()
            plain = _plain(text)
            if plain != text:
                self._replace(node, plain)
        else:
            self.generic_visit(node)

    # ------------------------------------------------------------------------------------------------ places

    def _is_ours(self, called: ast.expr) -> bool:
        """A call of another method of these classes is synchronous in the twin: `self.open()`, `self.db.backup(path)`."""
        path = ast.unparse(called.func) if isinstance(called, ast.Call) else ""
        return path.startswith("self.") and "._" not in path and not path.startswith("self.reading.")

    def _at(self, line: int, column: int) -> int:
        return self._starts[min(line, len(self._starts)) - 1] + column

    def _start(self, node: ast.AST) -> int:
        return self._at(node.lineno, node.col_offset)  # type: ignore[attr-defined]

    def _end(self, node: ast.AST) -> int:
        return self._at(node.end_lineno, node.end_col_offset)  # type: ignore[attr-defined]

    def _replace(self, node: ast.AST, text: str) -> None:
        self._found.append((self._start(node), self._end(node), text))

    def _drop(self, word: str, start: int) -> None:
        assert self._source[start : start + len(word)] == word.encode()
        self._found.append((start, start + len(word), ""))

    def _rename(self, name: str, after: int) -> None:
        if name in NAMES:
            start = self._source.index(name.encode(), after)
            self._found.append((start, start + len(name), NAMES[name]))

    def _quiet(self, node: ast.AsyncFunctionDef) -> None:
        """A remark that silences a check of asynchronous code is of no use in the twin."""
        start, end = self._start(node), self._start(node.body[0])
        for match in re.finditer(rb" *# noqa: ASYNC\d+[^\n]*", self._source[start:end]):
            self._found.append((start + match.start(), start + match.end(), ""))


def _plain(text: str) -> str:
    """Prose and examples without the words of asynchronous code."""
    return re.sub(r"\basync (?=with|for|def)|\bawait ", "", text)


def _with_what_is_used(text: str) -> str:
    """Names that were imported for what is gone are not imported; what came instead is, in the order that ruff wants."""
    tree = ast.parse(text)
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    lines = text.splitlines(keepends=True)
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.lineno == node.end_lineno and node.module != "__future__":
            lines[node.lineno - 1] = _kept(node, used)
    first = next((at for at, line in enumerate(lines) if line.startswith("from holdfast.")), None)
    if first is None:
        return "".join(lines)
    last = max(at for at, line in enumerate(lines) if line.startswith("from holdfast.")) + 1
    bridge = ast.parse(BRIDGE).body[0]
    assert isinstance(bridge, ast.ImportFrom)
    ours = sorted([*filter(None, lines[first:last]), _kept(bridge, used)], key=lambda line: line.split(" ")[:2])
    return "".join([*lines[:first], *ours, *lines[last:]])


def _kept(node: ast.ImportFrom, used: set[str]) -> str:
    node.names = [alias for alias in node.names if (alias.asname or alias.name) in used]
    return f"{' ' * node.col_offset}{ast.unparse(node)}\n" if node.names else ""
