"""The network namespace that this process runs in: usually the host's."""

from __future__ import annotations

from typing import ClassVar

from .kernel import KernelSource

__all__ = ["Local"]


class Local(KernelSource):
    """Needs no privilege to read; without CAP_NET_ADMIN the receive buffer is bounded by net.core.rmem_max."""

    kind: ClassVar[str] = "local"
