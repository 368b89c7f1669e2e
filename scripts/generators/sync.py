"""The synchronous twins, src/holdfast/api/sync.py of aio.py and sync_tree.py of aio_tree.py: the same for programs without a loop.

    async def, async with, async for     def, with, for
    await in_worker(f, a)                f(a)                    what only blocks for a moment happens in the caller's thread
    await settled(future)                answer(future)          what another thread does is waited for without the loop
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

HEAD = '''"""The synchronous API: `from holdfast import NDB`. Made from aio.py by scripts/generators/sync.py.

    with NDB() as ndb:
        print(ndb.interfaces["lo"]["state"])
        ndb.sources.add(netns="blue")
        link = ndb.interfaces.wait(target="blue", ifname="eth0")
        for change in ndb.watch("routes"):
            …

What waits runs on a background loop; rows are read in the calling thread. Any thread may call anything.
"""
'''

TREE_HEAD = '''"""The synchronous Tree: `from holdfast import Tree`. Made from aio_tree.py by scripts/generators/sync.py.

    with Tree("config.db") as tree:
        tree.put("nodes.r1.mtu", 1500, message="as ordered")
        print(tree.get("nodes.r1"))
        for commit in tree.watch("nodes"):
            …

Reading is plain and takes no lock; a commit is waited for in the calling thread. Any thread may call anything.
"""
'''

NAMES = {
    "__aenter__": "__enter__",
    "__aexit__": "__exit__",
    "__aiter__": "__iter__",
    "__anext__": "__next__",
    "StopAsyncIteration": "StopIteration",
}
BRIDGE = "from holdfast.api.bridge import answer, closed_at_exit, run"


def files() -> dict[str, str]:
    folder = Path(__file__).resolve().parents[2] / API
    heads = {"": HEAD, "_tree": TREE_HEAD}
    return {f"{API}/sync{name}.py": twin((folder / f"aio{name}.py").read_text("utf-8"), head) for name, head in heads.items()}


def twin(source: str, head: str = HEAD) -> str:
    """The synchronous text of an asynchronous module."""
    edits = _Edits(source, head)
    edits.visit(ast.parse(source))
    return _without_unused_imports(edits.text())


class _Edits(ast.NodeVisitor):
    """Gathers replacements (start, end, text) by byte offsets, as the tree has them."""

    def __init__(self, source: str, head: str) -> None:
        self._head = head
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
        self._replace(head, self._head.rstrip("\n"))
        for statement in node.body[1:]:
            self.visit(statement)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        if node.module == "holdfast.api.bridge":
            self._replace(node, BRIDGE)
        elif node.module == "holdfast.api.aio_tree":
            self._replace(node, ast.unparse(node).replace("aio_tree", "sync_tree"))

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
            plain = re.sub(r"\basync (?=with|for|def)|\bawait ", "", text)
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


def _without_unused_imports(text: str) -> str:
    """Names that were imported for what is gone are not imported."""
    tree = ast.parse(text)
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    lines = text.splitlines(keepends=True)
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.lineno == node.end_lineno and node.module != "__future__":
            kept = [alias for alias in node.names if (alias.asname or alias.name) in used]
            if len(kept) < len(node.names):
                node.names = kept
                indent = " " * node.col_offset
                lines[node.lineno - 1] = f"{indent}{ast.unparse(node)}\n" if kept else ""
    return "".join(lines)
