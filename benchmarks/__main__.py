"""`make bench`: figures of one run, to be read as ratios. The machine is shared and noisy; no test looks at their size."""

from __future__ import annotations

import asyncio
import sys

from benchmarks import against, cold, crowd, scaling, throughput
from benchmarks.responder import responder


def main() -> None:
    """`--quick`: a fifth of it. `--tiny`: only whether everything can be measured. `--against COMMIT`: beside that, and no more."""
    quick, tiny = "--quick" in sys.argv, "--tiny" in sys.argv
    with responder() as url:
        if "--against" in sys.argv:
            commit = sys.argv[sys.argv.index("--against") + 1]
            against.measure(url, commit, trips=10 if tiny else 1_000, rounds=1 if tiny else 5)
            return
        asyncio.run(throughput.measure(url, share=100 if tiny else 5 if quick else 1))
        crowd.measure(url, runs=20 if tiny else 1_000 if quick else 10_000)
        cold.measure(url, times=1 if tiny else 3 if quick else 9)
    scaling.measure(size=3 if tiny else 100 if quick else 300)


if __name__ == "__main__":
    main()
