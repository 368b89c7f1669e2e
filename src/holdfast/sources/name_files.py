"""The name tables of iproute2 on this host: rt_tables, rt_protos, rt_scopes, rt_dsfield, rt_realms, group …

Read the way `ip` reads them: what the administrator wrote in /etc wins over what the package brought; files in `<name>.d`
add to it. For a named namespace /etc/netns/<name>/ comes first, as `ip netns exec` has it.
"""

from __future__ import annotations

import os
from typing import Final

from holdfast.model.names import DIRECTORIES, FILES

__all__ = ["read_name_files"]

_LARGEST: Final = 1 << 20


def read_name_files(namespace: str = "", root: str = "/") -> dict[str, str]:
    """Name -> text, later lines win. What is not there, or cannot be read, is left out: numbers are shown then."""
    directories = [os.path.join(root, one.lstrip("/")) for one in DIRECTORIES]
    if namespace:
        directories.append(os.path.join(root, "etc/netns", namespace, "iproute2"))
    texts = {}
    for name in FILES:
        parts = [text for directory in directories for text in _of_directory(directory, name)]
        if parts:
            texts[name] = "\n".join(parts)
    return texts


def _of_directory(directory: str, name: str) -> list[str]:
    try:
        more = sorted(one for one in os.listdir(os.path.join(directory, f"{name}.d")) if one.endswith(".conf"))
    except OSError:
        more = []
    paths = [os.path.join(directory, name), *(os.path.join(directory, f"{name}.d", one) for one in more)]
    return [text for text in map(_read, paths) if text]


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read(_LARGEST)
    except OSError:
        return ""
