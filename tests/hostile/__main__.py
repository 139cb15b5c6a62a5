"""Fuzzing that is guided by the code it reaches: `python -m tests.hostile file --seconds 600`. It needs atheris, which is not a part of `dev`."""

from __future__ import annotations

import argparse
import os
import resource
import sys
import time
from pathlib import Path

try:
    import atheris
except ImportError:
    sys.exit("atheris is not installed here: pip install atheris")

with atheris.instrument_imports(include=["flowdsl"]):
    from tests.hostile.fuzz import CORPUS, TARGETS

SECONDS_MAX = 5.0  # for one input
ROOM_BYTES = 4 << 30


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("target", choices=TARGETS)
    arguments.add_argument("--seconds", type=int, default=60)
    arguments.add_argument("--found", default="/tmp/flowdsl-fuzz", help="where inputs are kept")
    given = arguments.parse_args()
    found = Path(given.found) / given.target
    found.mkdir(parents=True, exist_ok=True)
    resource.setrlimit(resource.RLIMIT_AS, (ROOM_BYTES, ROOM_BYTES))
    target = TARGETS[given.target]

    def timed(raw: bytes) -> None:
        begun = time.process_time()
        target(raw)
        assert time.process_time() - begun < SECONDS_MAX, "too slow"

    limits = [f"-max_total_time={given.seconds}", "-max_len=4096", "-timeout=20"]
    seeds = [str(CORPUS / given.target)]
    if given.target == "file":
        seeds.append(str(CORPUS.parents[2] / "workflows"))
    names = [sys.argv[0], *limits, f"-artifact_prefix={found}{os.sep}", str(found), *seeds]
    atheris.Setup(names, timed)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
