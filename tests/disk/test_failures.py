"""The k-th write, sync, rename, open… of a run fails, for each k until none does; and a disk that is really full."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from flowdsl.engine.engine import Engine
from flowdsl.errors import DiskFull, FlowdslError
from flowdsl.plan.values import Json
from flowdsl.saga.events import Finished, Started
from flowdsl.saga.run import Run
from flowdsl.world.network.http import Http
from flowdsl.world.store.disk import RealDisk
from flowdsl.world.store.files import FileStore
from flowdsl.world.store.journal import RESERVE_BYTES
from flowdsl.world.store.offload import Inline
from tests.counts import count
from tests.disk.journals import DECLINED
from tests.lives.machine import RUN, OneRun
from tests.lives.stage import TRIP, workflow
from tests.lives.starting import PROJECT, resumed, to_rest
from tests.lives.virtual import VirtualClock, at_once, run_virtually

KINDS = (
    "make_folder", "create", "open", "read", "write", "truncate", "allocate", "sync", "sync_folder",
    "status", "look", "list", "rename", "link", "unlink", "lock",
)  # fmt: skip
CODES = (errno.EIO, errno.ENOSPC, errno.EMFILE, errno.EROFS)


@pytest.mark.parametrize("lasting", [False, True], ids=["once", "from then on"])
@pytest.mark.parametrize("kind", KINDS)
def test_whatever_fails_loses_nothing_and_sends_nothing_twice(
    kind: str, *, lasting: bool, full: bool
) -> None:
    plan = workflow("trip.yaml")
    struck = said = 0
    for code in CODES if full else CODES[:2]:
        for number in range(1, 400):
            # given
            one = OneRun(plan, DECLINED if number % 2 else TRIP)
            _will_fail(one, kind, number, code, lasting=lasting)
            # when
            failure = _failure_of(one)
            if one.disk.count("write" if kind == "truncate" else kind) < number:
                break
            struck += one.disk.count(kind) > 0
            # then
            if failure is not None:
                said += 1
                assert failure.code, failure
                assert failure.help, failure
                assert failure.exit_code in (2, 74)
                assert failure.exit_code == 74 or not one.app.requests
            one.kill()
            result, _ = one.live()
            assert result is not None
            one.judge(result)
        else:
            raise AssertionError("it never came to an end")
    assert struck > 0, "the fault never struck"
    assert said > 0 or kind in ("link", "unlink", "status"), "nobody heard of it"
    count("operations of a run on the disk that failed", struck)


def test_a_close_that_fails_is_no_matter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one operation that does not fail: all that matters was synced, and the handle is gone."""
    close, closed = os.close, []

    def failing(handle: int) -> None:
        close(handle)
        closed.append(handle)
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr("flowdsl.world.store.disk.os.close", failing)
    one = OneRun(workflow("trip.yaml"), DECLINED)
    one.judge(_live(one, tmp_path / "store"))
    assert len(closed) > 10
    monkeypatch.undo()
    with pytest.raises(AssertionError, match="closed before"):
        RealDisk().close(closed[0])


def _will_fail(one: OneRun, kind: str, number: int, code: int, *, lasting: bool) -> None:
    if kind == "truncate":  # a run that goes well takes nothing back: there must be no room first
        one.disk.fail("write", number, errno.ENOSPC)
        number = 1
    one.disk.fail(kind, number, code, lasting=lasting)


def _failure_of(one: OneRun) -> FlowdslError | None:
    try:
        one.live()
    except FlowdslError as error:
        return error
    return None


# --- no room ------------------------------------------------------------------------------------------

REALLY_FULL = "runs on a disk that was really full"


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, of 400 KiB."""
    count(REALLY_FULL, 0)  # named, also where it is skipped
    if os.geteuid() != 0:
        pytest.skip("NOT TESTED: a really full disk needs root, to mount a small tmpfs")
    folder = tmp_path / "small"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(folder)]
    mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"NOT TESTED: a really full disk: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_really_full_disk_starts_nothing_new_and_keeps_each_answer(small: Path) -> None:
    plan = workflow("trip.yaml")
    struck = 0
    for pages in range(14):
        # given a disk with room for the beginning of a run, if that
        root, ballast = small / f"store-{pages}", small / "ballast"
        one = OneRun(plan, DECLINED if pages % 2 else TRIP)
        with ballast.open("wb") as file:
            free = os.statvfs(small)
            room = free.f_bavail * free.f_frsize
            os.posix_fallocate(file.fileno(), 0, room - RESERVE_BYTES - (3 + pages // 2) * 4096)
        # when
        failure = None
        try:
            result = _live(one, root)
        except FlowdslError as error:
            failure = error
        # then
        if failure is not None:
            assert isinstance(failure, DiskFull)
            struck += 1
            started, finished = _requests_and_answers(root)
            assert started == finished == len(one.app.requests), "an answer was lost"
            ballast.unlink()
            result = _live(one, root)
        one.judge(result)
        subprocess.run(["rm", "-r", str(root)], check=True)
        ballast.unlink(missing_ok=True)
    assert struck > 1, "the disk was never full while the run went on"
    count(REALLY_FULL, struck)


def _live(one: OneRun, root: Path) -> Run:
    return run_virtually(_lived(one, root))


async def _lived(one: OneRun, root: Path) -> Run:
    store = FileStore(root, offload=Inline())
    network = Http(httpx.ASGITransport(app=one.app))
    async with Engine(store, network, PROJECT, VirtualClock()) as engine:
        if RUN in {summary.run for summary in await store.list()}:
            result = await resumed(engine, RUN)
            assert result is not None
            return result
        return await to_rest(engine, one.plan, RUN, dict[str, Json](one.inputs))


def _requests_and_answers(root: Path) -> tuple[int, int]:
    store = FileStore(root, offload=Inline(), read_only=True)
    known = RUN in {summary.run for summary in at_once(store.list())}
    events = [recorded.event for recorded in at_once(store.events(RUN))] if known else []
    at_once(store.close())
    return (
        sum(isinstance(event, Started) for event in events),
        sum(isinstance(event, Finished) for event in events),
    )
