"""`make bench`: figures of one run, to be read as ratios. The machine is shared and noisy; no test looks at them."""

from __future__ import annotations

import asyncio
import sys

from benchmarks import cold, crowd, throughput
from benchmarks.responder import responder


def main() -> None:
    quick = "--quick" in sys.argv
    with responder() as url:
        asyncio.run(throughput.measure(url, quick=quick))
        crowd.measure(url, runs=1_000 if quick else 10_000)
        cold.measure(url, times=3 if quick else 9)


if __name__ == "__main__":
    main()
