"""The commands of the config tree: made from the verbs of the api, which costs some 0.1 s."""

from __future__ import annotations

from holdfast.cli.tree.editing import edit
from holdfast.cli.tree.verbs import top_command, tree_group

__all__ = ["blame", "call", "edit", "find", "get", "keys", "merge", "put", "redo", "revert", "rm", "rollback", "tree"]

blame = top_command("blame")
call = top_command("call")
find = top_command("find")
get = top_command("get")
keys = top_command("keys")
merge = top_command("merge")
put = top_command("put")
redo = top_command("redo")
revert = top_command("revert")
rm = top_command("rm")
rollback = top_command("rollback")
tree = tree_group()
"""These and the others."""
