"""`make lock`: what CI installs, from what `pyproject.toml` declares; names, versions and hashes, no address.

lock.txt    the newest of everything, on every system and Python that we support
demo.txt    of these, what the demo needs
lowest.txt  the lowest versions that are declared
"""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
COMPILE = ("pip", "compile", "pyproject.toml", "-", "--universal", "--python-version", "3.11")
PLAIN = ("--generate-hashes", "--no-emit-index-url", "--no-annotate", "--no-header", "--upgrade")


def main(uv: str) -> None:
    lock(uv, "lock.txt", "--extra", "dev")
    lock(uv, "demo.txt", "--extra", "mock", "--constraints", "requirements/lock.txt")
    lock(uv, "lowest.txt", "--extra", "mock", "--resolution", "lowest-direct")


def lock(uv: str, name: str, *words: str) -> None:
    """With what builds flowdsl: pip installs it from here as well, and nothing by itself."""
    builds = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]["requires"]
    subprocess.run(
        [uv, *COMPILE, *PLAIN, *words, "--quiet", "--output-file", f"requirements/{name}"],
        cwd=ROOT,
        input="\n".join(builds),
        text=True,
        check=True,
    )


if __name__ == "__main__":
    main(sys.argv[1])
