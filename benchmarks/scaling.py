"""What ten times the work costs: CPU of a size and of ten times that size, and the ratio."""

from __future__ import annotations

import asyncio
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from flowdsl.engine.engine import Engine
from flowdsl.engine.project import Project
from flowdsl.language import Source, check, compile_plan
from flowdsl.plan.nodes import Plan
from flowdsl.plan.request import Request
from flowdsl.plan.values import Json
from flowdsl.saga.deciding import ITEMS_MAX
from flowdsl.saga.observation import Answer, Observation
from flowdsl.view.graph.drawing import graph_text
from flowdsl.view.graph.graph import graph_of
from flowdsl.view.graph.svg import svg
from flowdsl.view.paint import plain
from flowdsl.view.plan.callplan import KnownValues, call_plan
from flowdsl.world.store.files import FileStore
from flowdsl.world.store.memory import MemoryStore

HEAD = "flowdsl: 1\nname: big\nservices: { a: { url: http://a, idempotency: 24h } }\nsteps:\n"


class Instant:
    """A network that answers at once, one request after the other; the last step is refused where that is wanted."""

    def __init__(self, refused: str = "") -> None:
        self.refused = refused
        self.turn = asyncio.Lock()

    async def send(
        self, request: Request, *, secrets: Mapping[str, str], timeout_seconds: float, fresh: bool
    ) -> Observation:
        async with self.turn:
            await asyncio.sleep(0)
        no = bool(self.refused) and request.url.endswith(self.refused)
        return Answer(422, (), {"error": "no"}) if no else Answer(200, (), {"id": "x"})


def measure(*, size: int) -> None:
    """`size` steps, items and ended runs, and ten times as many."""
    draws(1)()  # what is imported late is so by now
    print(f"CPU seconds for{'':18} {'so much':>9} {'ten times':>10}    ratio")
    for name, work, least in (
        ("a sequence", sequence_runs, size),
        ("a sequence, undone", sequence_is_undone, size),
        ("for_each", list_runs, min(size, ITEMS_MAX // 10)),
        ("validate", validates, size),
        ("plan", plans, size),
        ("graph, text and SVG", draws, size),
        ("list of ended runs", partial(asked, "list"), size),
        ("status of the newest", partial(asked, "status"), size),
    ):
        few, many = (measured(work, number) for number in (least, 10 * least))
        print(
            f"{name:22} {least:>6} → {10 * least:<6} {few:6.2f} {many:9.2f} {many / few:9.1f}",
            flush=True,
        )


def measured(work: Callable[[int], Callable[[], object]], number: int) -> float:
    """The CPU of the work alone, here and in its children: what it needs is made before."""
    ready = work(number)
    begin = cpu_seconds()
    ready()
    return cpu_seconds() - begin


def cpu_seconds() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def sequence_runs(number: int) -> Callable[[], object]:
    plan = compiled(one_after_the_other(number))
    return lambda: asyncio.run(run(plan, Instant(), "succeeded"))


def sequence_is_undone(number: int) -> Callable[[], object]:
    plan = compiled(one_after_the_other(number))
    return lambda: asyncio.run(run(plan, Instant(f"/s{number - 1}"), "compensated"))


def list_runs(number: int) -> Callable[[], object]:
    each = (
        "  - { id: each, for_each: x in inputs.xs, call: 'POST a/${x}', compensate: DELETE a/x }\n"
    )
    plan = compile_plan(
        HEAD.replace("services", "inputs: { xs: array }\nservices") + each, "big.yaml"
    )
    items: Json = list(range(number))
    return lambda: asyncio.run(run(plan, Instant(), "succeeded", xs=items))


def validates(number: int) -> Callable[[], object]:
    source = Source("big.yaml", HEAD + one_after_the_other(number))
    return lambda: check(source)


def plans(number: int) -> Callable[[], object]:
    plan = compiled(one_after_the_other(number))
    return lambda: plain(call_plan(plan, KnownValues({}, {})))


def draws(number: int) -> Callable[[], object]:
    plan = compiled(one_after_the_other(number))
    return lambda: (plain(graph_text(plan)), svg(graph_of(plan)))


def asked(command: str, number: int) -> Callable[[], object]:
    folder = tempfile.mkdtemp()
    asyncio.run(ended(Path(folder), number))
    words = [sys.executable, "-m", "flowdsl", command]

    def ask() -> None:
        subprocess.run(words, cwd=folder, check=True, capture_output=True)
        shutil.rmtree(folder)

    return ask


async def ended(folder: Path, number: int) -> None:
    """A store with so many ended runs of one step."""
    plan, project, numbers = compiled("  - set: { a: 1 }\n"), Project(), iter(range(number))
    async with Engine(FileStore(folder / ".flowdsl"), Instant(), project) as engine:

        async def worker() -> None:
            for _ in numbers:
                await (await engine.start(project.prepare(plan, {}))).rest()

        await asyncio.gather(*(worker() for _ in range(64)))


async def run(plan: Plan, network: Instant, ends: str, **inputs: Json) -> None:
    project = Project()
    async with Engine(MemoryStore(), network, project) as engine:
        handle = await engine.start(project.prepare(plan, inputs))
        assert (await handle.rest()).state.ended == ends


def one_after_the_other(number: int) -> str:
    return "".join(
        f"  - {{ id: s{n}, call: POST a/s{n}, compensate: DELETE a/s{n} }}\n" for n in range(number)
    )


def compiled(steps: str) -> Plan:
    return compile_plan(HEAD + steps, "big.yaml")
