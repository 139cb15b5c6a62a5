"""A real ext4 whose power goes while a process writes: the image as it lies on the disk, mounted by somebody else.

The writer is stopped, what has reached the backing file of the loop device is copied, and the writer goes on. ext4 commits
only every five minutes by itself, so what is in the copy is there because somebody synced.
"""

from __future__ import annotations

import asyncio
import os
import select
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from random import Random

import pytest

from flowdsl.errors import InputError
from flowdsl.world.store.files import FileStore
from flowdsl.world.store.offload import Inline
from tests.counts import count
from tests.disk.writer import told
from tests.world.store.kit import events_of

PROJECT = Path(__file__).parents[2]
MODES = ("data=ordered", "data=writeback,nodelalloc")


def _done(*words: str) -> None:
    subprocess.run(words, check=True, capture_output=True, text=True)


@contextmanager
def mounted(image: Path, folder: Path, options: str) -> Iterator[Path]:
    folder.mkdir(exist_ok=True)
    _done("mount", "-o", f"loop,{options}", str(image), str(folder))
    try:
        yield folder
    finally:
        _done("umount", str(folder))


IMAGES = "images of a real ext4 cut while running"


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """An empty ext4 of 24 MiB that can be mounted."""
    count(IMAGES, 0)  # named, also where it is skipped
    if os.geteuid() != 0:
        pytest.skip("NOT TESTED: cutting a real ext4 needs root, for loop devices")
    if shutil.which("mkfs.ext4") is None:
        pytest.skip("NOT TESTED: cutting a real ext4 needs mkfs.ext4")
    path = tmp_path / "disk.img"
    with path.open("wb") as file:
        file.truncate(24 << 20)
    try:
        _done("mkfs.ext4", "-q", "-F", str(path))
        with mounted(path, tmp_path / "probe", "commit=300"):
            pass
    except subprocess.CalledProcessError as error:
        pytest.skip(f"NOT TESTED: cutting a real ext4: {error.stderr.strip()}")
    return path


@pytest.mark.parametrize("mode", MODES)
def test_a_real_file_system_cut_while_running_keeps_what_was_acknowledged(
    image: Path, tmp_path: Path, mode: str, *, full: bool
) -> None:
    random = Random(4)
    cuts = 100 if full else 3
    least = 0
    with mounted(image, tmp_path / "disk", f"commit=300,{mode}") as disk, _writer(disk) as writer:
        acknowledged: dict[str, int] = {}
        for number in range(cuts):
            # given a writer that is in the middle of it
            _listen(writer, acknowledged, random.randrange(5, 120))
            # when the power goes
            os.kill(writer.pid, signal.SIGSTOP)
            _listen(writer, acknowledged, 0)
            cut = tmp_path / "cut.img"
            _done("cp", "--sparse=always", str(image), str(cut))
            os.kill(writer.pid, signal.SIGCONT)
            # then it is all there
            with mounted(cut, tmp_path / "found", mode.partition(",")[0]) as found:
                _check(found / "store", acknowledged)
            assert sum(acknowledged.values()) > least, f"nothing was written before cut {number}"
            least = sum(acknowledged.values())
    count(IMAGES, cuts)


@contextmanager
def _writer(disk: Path) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "tests.disk.writer", str(disk / "store")]
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE) as process:
        try:
            yield process
        finally:
            process.kill()
            process.wait()


def _listen(writer: subprocess.Popen[bytes], acknowledged: dict[str, int], lines: int) -> None:
    """At least so many lines; and those that are there already."""
    assert writer.stdout is not None
    pipe, heard = writer.stdout.fileno(), b""
    while heard.count(b"\n") < lines or not heard.endswith(b"\n") or _is_more(pipe):
        if lines == 0 and not heard and not _is_more(pipe):
            return
        part = os.read(pipe, 65536)
        assert part, "the writer died"
        heard += part
        if lines == 0 and not _is_more(pipe):
            break
    for line in heard.decode().splitlines():
        run, _, number = line.partition(" ")
        acknowledged[run] = int(number)


def _is_more(pipe: int) -> bool:
    return bool(select.select([pipe], [], [], 0)[0])


def _check(root: Path, acknowledged: dict[str, int]) -> None:
    async def go() -> None:
        store = FileStore(root, offload=Inline())
        await store.start()
        for run, number in acknowledged.items():
            if run != "started":
                found = events_of(await store.events(run))
                assert len(found) >= number, f"{run} lost what was acknowledged"
                assert found == told(run)[: len(found)]
        adopted = await store.adopt_all()
        for run, events in adopted.items():
            assert events == told(run)[: len(events)]
        assert not [f for f in await store.fsck() if f.kind in ("damaged", "unreadable")]
        with suppress(InputError):
            await store.find()
        await store.close()

    asyncio.run(go())
