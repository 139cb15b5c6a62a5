"""`flowdsl` on a disk that fails: `sick.py KIND NUMBER words…`, where the NUMBER-th operation of that KIND and all after it do.

Like a real one it says EIO. A line on stderr says whether it ever struck.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable
from typing import Any

from flowdsl.cli.group import main
from flowdsl.world.store.disk import RealDisk

STRUCK = "the disk failed"


def failing(kind: str, number: int) -> Callable[..., Any]:
    whole = getattr(RealDisk, kind)
    seen = 0

    def operation(self: RealDisk, *words: Any, **more: Any) -> Any:
        nonlocal seen
        seen += 1
        if seen == number:
            os.write(2, f"{STRUCK}\n".encode())
        if seen >= number:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return whole(self, *words, **more)

    return operation


if __name__ == "__main__":
    kind, number, *words = sys.argv[1:]
    setattr(RealDisk, kind, failing(kind, int(number)))
    main(words)
