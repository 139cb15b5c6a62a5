"""A contract of somebody else's making, with more than a hundred operations, and workflows that call every one of them.

It is downloaded from PyPI inside the package that ships it, and kept out of the repository.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from zipfile import ZipFile

from flowdsl.language.openapi import Operation

PACKAGE = "apache-airflow-core==3.3.2"
DOCUMENT = "airflow/api_fastapi/core_api/openapi/v2-rest-api-generated.yaml"

HEAD = """flowdsl: 1
inputs: { text: string, whole: integer }
services:
  theirs: { url: 'http://theirs', openapi: ./theirs.yaml }
steps:
"""
_PARAMETER = re.compile(r"\{[^{}]+\}")


def present(folder: Path) -> str | None:
    path = folder / "theirs.yaml"
    return path.read_text("utf-8") if path.exists() else None


def download(folder: Path) -> str:
    """The document, fetched once. Only the package itself is asked for, none that it needs."""
    there = present(folder)
    if there is not None:
        return there
    pip = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-deps",
        "--only-binary",
        ":all:",
    ]
    subprocess.run([*pip, "--dest", str(folder), PACKAGE], check=True)
    (wheel,) = folder.glob("*.whl")
    with ZipFile(wheel) as files:
        text = files.read(DOCUMENT).decode()
    wheel.unlink()
    (folder / "theirs.yaml").write_text(text, "utf-8")
    return text


def workflow_of(operations: Sequence[Operation], *, misspelt: bool = False) -> str:
    """A step for each operation. Where `misspelt`, of a path that is one letter off."""
    return HEAD + "".join(line for operation in operations for line in _step(operation, misspelt))


def _step(operation: Operation, misspelt: bool) -> Iterator[str]:
    path = _PARAMETER.sub("${inputs.text}", operation.path)
    if misspelt:
        path = path.replace("/api/", "/apy/", 1)
    yield f"  - call: {operation.method} theirs{path}\n"
    if operation.body is not None:
        yield "    body: { text: '${inputs.text}', whole: '${inputs.whole}' }\n"
    if operation.method not in ("GET", "HEAD", "OPTIONS"):
        yield "    compensate: none\n"
