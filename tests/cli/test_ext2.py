"""A file system without fallocate, as ext2, FUSE and shared folders are: a run needs a place for its reserve, and writes it."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from flowdsl.world.store.disk import RealDisk, set_room_aside
from flowdsl.world.store.journal import RESERVE_BYTES
from tests.cli.command_line import CommandLine
from tests.disk.test_ext4 import mounted

FLOW = "flowdsl: 1\nsteps:\n  - wait: 1ms\n"


@pytest.fixture
def ext2(tmp_path: Path) -> Iterator[Path]:
    """An empty ext2 of 8 MiB, mounted."""
    if os.geteuid() != 0:
        pytest.skip("NOT TESTED: a real ext2 needs root, for loop devices")
    if shutil.which("mkfs.ext2") is None:
        pytest.skip("NOT TESTED: a real ext2 needs mkfs.ext2")
    image = tmp_path / "ext2.img"
    with image.open("wb") as file:
        file.truncate(8 << 20)
    try:
        subprocess.run(["mkfs.ext2", "-q", "-F", str(image)], check=True, capture_output=True)
        with mounted(image, tmp_path / "ext2", "rw") as folder:
            yield folder
    except subprocess.CalledProcessError as error:
        pytest.skip(f"NOT TESTED: a real ext2: {error.stderr!s:.200}")


def test_a_run_is_kept_on_a_file_system_that_cannot_allocate(ext2: Path, cli: CommandLine) -> None:
    # given a disk that says so
    disk = RealDisk()
    handle = disk.create(ext2 / "probe")
    with pytest.raises(OSError, match=r"Bad file descriptor|not supported") as refusal:
        disk.allocate(handle, 4096)
    assert refusal.value.errno in (errno.EBADF, errno.EOPNOTSUPP)
    disk.close(handle)
    # when, then
    cli.write("w.yaml", FLOW)
    store = ext2 / "store"
    done = cli("run", "w.yaml", "--id", "r", "--store", str(store))
    assert done.code == 0, done.err
    assert cli("status", "r", "--store", str(store)).code == 0
    assert cli("fsck", "--store", str(store)).code == 0


def test_a_reserve_takes_its_place_on_the_disk(ext2: Path) -> None:
    disk = RealDisk()
    handle = disk.create(ext2 / "reserve")
    set_room_aside(disk, handle, RESERVE_BYTES)
    assert os.fstat(handle).st_blocks * 512 >= RESERVE_BYTES
    disk.close(handle)
