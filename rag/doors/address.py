"""Where the socket of an index is, also in a folder whose path is too long for a socket's address."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

SOCKET = "socket"  # in the index folder
LONGEST = 100  # bytes; the systems allow 104 to 108


@contextmanager
def socket_address(folder: Path) -> Iterator[str]:
    """Yield a short path to the socket: its own, or one through a temporary link to the folder."""
    path = folder.resolve() / SOCKET
    if len(os.fsencode(path)) <= LONGEST:
        yield str(path)
        return
    with TemporaryDirectory(prefix="pilcrow-", dir="/tmp") as short:  # TMPDIR may be long too
        link = Path(short) / "index"
        link.symlink_to(path.parent)
        yield str(link / SOCKET)
