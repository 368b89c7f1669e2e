"""What a value without a word looks like."""

from __future__ import annotations

import ipaddress

__all__ = ["is_address", "is_mac", "is_name", "is_number", "is_prefix"]


def is_prefix(text: str) -> bool:
    """An address, a prefix, or `default`."""
    if text == "default":
        return True
    try:
        ipaddress.ip_interface(text)
    except ValueError:
        return False
    return not text.isdecimal()


def is_address(text: str) -> bool:
    return "/" not in text and text != "default" and is_prefix(text)


def is_mac(text: str) -> bool:
    parts = text.split(":")
    return len(parts) >= 6 and all(len(part) == 2 and set(part.lower()) <= set("0123456789abcdef") for part in parts)


def is_number(text: str) -> bool:
    return text.isdecimal()


def is_name(text: str) -> bool:
    """Of an interface or a namespace: anything that fits."""
    return 0 < len(text) < 128 and not any(letter.isspace() or letter == "/" for letter in text)
