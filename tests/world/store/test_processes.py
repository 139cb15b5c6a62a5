"""Several processes and one store, for real: one of them gets the run, and a killed one loses nothing."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from flowdsl.world.store.files import FileStore
from flowdsl.world.store.summary import Claim
from tests.world.store.kit import created, events_of, facts, run

CHILD = """
import asyncio, sys
from pathlib import Path
from flowdsl.errors import InputError
from flowdsl.world.store.files import FileStore
from tests.world.store.kit import created, facts

root, what = Path(sys.argv[1]), sys.argv[2]

def say(word):
    print(word, flush=True)

async def adopt(store):
    adopted = [name for name in [f"run-{n}" for n in range(8)] if await store.adopt(name) is not None]
    say(" ".join(adopted))
    sys.stdin.readline()

async def adopt_all(store):
    say(" ".join(await store.adopt_all()))
    sys.stdin.readline()

async def claim(store):
    claims = []
    for number in range(30):
        name = f"day-{number}"
        if (await store.claim(name, "same")).value == "mine":
            await store.create(name, [created(name)])
            claims.append(name)
    say(" ".join(claims))
    sys.stdin.readline()

async def write(store):
    await store.create("run-0", [created("run-0")])
    number = 0
    while True:
        await store.append("run-0", facts(number))
        number += 1
        say(number)

async def main():
    store = FileStore(root)
    await store.start()
    say("ready")
    sys.stdin.readline()
    await globals()[what](store)
    await store.close()

asyncio.run(main())
"""


def start(root: Path, what: str, count: int) -> list[subprocess.Popen[str]]:
    """So many processes, all at the starting line."""
    children = [
        subprocess.Popen(
            [sys.executable, "-c", CHILD, str(root), what],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[3],
        )
        for _ in range(count)
    ]
    for child in children:
        assert _line(child) == "ready"
    for child in children:
        _go(child)
    return children


def _line(child: subprocess.Popen[str]) -> str:
    assert child.stdout is not None
    return child.stdout.readline().strip()


def _go(child: subprocess.Popen[str]) -> None:
    assert child.stdin is not None
    child.stdin.write("\n")
    child.stdin.flush()


def end(children: list[subprocess.Popen[str]]) -> None:
    for child in children:
        with suppress(OSError):
            _go(child)
        child.communicate(timeout=60)
        assert child.returncode in (0, -signal.SIGKILL)


def abandoned(root: Path, count: int) -> None:
    async def story() -> None:
        store = FileStore(root)
        await store.start()
        for number in range(count):
            await store.create(f"run-{number}", [created(f"run-{number}"), *facts(1)])
        await store.close()

    run(story())


def test_of_many_that_take_over_at_once_one_gets_each_run(tmp_path: Path) -> None:
    for what in ("adopt", "adopt_all"):
        root = tmp_path / what
        abandoned(root, 8)
        children = start(root, what, 3)
        adopted = [name for child in children for name in _line(child).split()]
        try:
            assert sorted(adopted) == [f"run-{number}" for number in range(8)], (
                "each, and each once"
            )
        finally:
            end(children)
        again = FileStore(root)
        run(again.start())
        for number in range(8):
            assert events_of(asyncio.run(again.events(f"run-{number}"))) == [
                created(f"run-{number}"),
                *facts(1),
            ]


def test_of_many_that_claim_an_id_at_once_one_starts(tmp_path: Path) -> None:
    children = start(tmp_path / ".flowdsl", "claim", 3)
    started = [name for child in children for name in _line(child).split()]
    end(children)
    assert sorted(started) == sorted(f"day-{number}" for number in range(30))


def test_a_killed_process_loses_nothing_it_had_acknowledged(tmp_path: Path) -> None:
    root = tmp_path / ".flowdsl"
    (child,) = start(root, "write", 1)
    acknowledged = 0
    while acknowledged < 50:
        acknowledged = int(_line(child))

    async def story() -> None:
        store = FileStore(root)
        await store.start()
        assert await store.adopt("run-0") is None, "it is alive"
        assert (await store.list())[0].driven
        os.kill(child.pid, signal.SIGSTOP)
        assert await store.adopt("run-0") is None, "it is paused, not dead"
        child.kill()
        rest = child.communicate(timeout=60)[0].split()
        least = int(rest[-1]) if rest else acknowledged
        past = await store.adopt("run-0")
        assert past is not None
        assert past[: least + 1] == [created("run-0"), *facts(*range(least))]
        await store.append("run-0", facts(7777))
        assert events_of(await store.events("run-0")) == [*past, *facts(7777)]
        await store.close()

    run(story())


def test_a_reader_that_looks_all_the_time_never_sees_what_is_not_so(tmp_path: Path) -> None:
    root = tmp_path / ".flowdsl"
    (child,) = start(root, "write", 1)
    seen = 0
    reader = FileStore(root, read_only=True)
    run(reader.start())
    until = time.monotonic() + 60
    while not asyncio.run(reader.list()):
        assert time.monotonic() < until, "it never began"
    for _ in range(300):
        for record in asyncio.run(reader.follow("run-0", seen)):
            expected = created("run-0") if record.sequence == 1 else facts(record.sequence - 2)[0]
            assert record.event == expected
            assert record.sequence == seen + 1
            seen = record.sequence
    child.kill()
    end([child])
    assert seen > 1


def test_threads_of_one_process_claim_as_processes_do(tmp_path: Path) -> None:
    async def story() -> None:
        stores = [FileStore(tmp_path / ".flowdsl") for _ in range(4)]
        await asyncio.gather(*(store.start() for store in stores))
        assert len({store.key for store in stores}) == 1, "they made one store together"

        async def claim(store: FileStore) -> Claim:
            outcome = await store.claim("today", "f")
            if outcome is Claim.MINE:
                await store.create("today", [created("today")])
            return outcome

        outcomes = await asyncio.gather(*(claim(store) for store in stores))
        assert sorted(each.value for each in outcomes) == ["mine", "taken", "taken", "taken"]
        await asyncio.gather(*(store.close() for store in stores))

    run(story())
