"""The seal of a closed file: its size and checksum in a small file beside it, `<database>.seal`.

SQLite checks the structure of its pages and the frames of its log, but not the values in rows: a flipped bit in an MTU reads as
another MTU. So what closes a database, or copies one, seals it, and who opens it for writing breaks the seal first. Where there is
a seal, `check` can tell that every byte is the one that was written; without one (after a crash, beside a running node) it cannot.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os

from holdfast.errors import Corrupt

from .connections import has_log

__all__ = ["SUFFIX", "broken", "seal", "unseal"]

SUFFIX = ".seal"


def seal(path: str) -> None:
    """Seal a file that nobody writes, and whose log is in it. On a full disk there is no seal, and no error."""
    with contextlib.suppress(OSError):
        if has_log(path):
            return
        part = f"{path}{SUFFIX}.part"
        try:
            with open(part, "w", encoding="ascii") as file:
                file.write(json.dumps(_print_of(path)))
                file.flush()
                os.fsync(file.fileno())
            os.replace(part, path + SUFFIX)
        except OSError:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(part)


def unseal(path: str) -> None:
    """Break the seal: the file is about to be written."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path + SUFFIX)


def broken(path: str) -> str | None:
    """What is wrong with a sealed file, "" if nothing is; None if it has no seal. Cost: reading the file.

    Raises: Corrupt - the seal itself cannot be read.
    """
    try:
        with open(path + SUFFIX, encoding="ascii") as file:
            wanted = json.load(file)
        size, digest = int(wanted["size"]), str(wanted["sha256"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Corrupt(f"the seal {path}{SUFFIX} cannot be read: {error}") from error
    found = _print_of(path)
    if found["size"] != size:
        return f"the file has {found['size']} bytes, and had {size} when it was closed"
    return "" if found["sha256"] == digest else "the file is not, byte by byte, what it was when it was closed"


def _print_of(path: str) -> dict[str, int | str]:
    with open(path, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return {"size": file.seek(0, os.SEEK_END), "sha256": digest}
