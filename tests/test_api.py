"""The names that `flowdsl` offers to programs: there, written down, loaded when asked for, and enough for a run."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

import httpx
import pytest

import flowdsl
from flowdsl.world.store.files import FileStore
from tests.processes.real import PATIENCE_SECONDS, ROOT, Shell, end, services

PAGE = (ROOT / "docs" / "api.md").read_text("utf-8")


@pytest.mark.parametrize("name", flowdsl.__all__)
def test_a_public_name_is_there_and_written_down(name: str) -> None:
    assert getattr(flowdsl, name)
    assert name in dir(flowdsl)
    assert re.search(rf"^\| `{name}\b", PAGE, re.MULTILINE), "docs/api.md lists it"


def test_the_page_lists_nothing_else() -> None:
    assert sorted(re.findall(r"^\| `(\w+)", PAGE, re.MULTILINE)) == sorted(flowdsl.__all__)


def test_an_unknown_name_is_no_attribute() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Workflows'"):
        _ = flowdsl.Workflows  # type: ignore[attr-defined]


def test_the_package_alone_loads_none_of_its_floors() -> None:
    code = "import sys, flowdsl; print(sorted(m for m in sys.modules if m.startswith('flowdsl')))"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout == "['flowdsl', 'flowdsl.late', 'flowdsl.version']\n"


def test_the_version_is_that_of_the_distribution() -> None:
    assert flowdsl.__version__ == version("flowdsl")


def test_the_example_of_the_page_books_a_trip(tmp_path: Path) -> None:
    (example,) = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    (tmp_path / "workflows").symlink_to(ROOT / "workflows")
    with services() as mock:
        script = example.replace("http://localhost:9000", mock.url)
        assert script != example
        said = subprocess.run(
            [sys.executable, "-c", script],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (said.returncode, said.stdout) == (0, "trip-1 succeeded\n"), said.stderr
        assert [effect["count"] for effect in mock.effects("trip-1")] == [1, 1, 1, 1]
        assert mock.residue("succeeded") == []
    assert b'"run":"trip-1"' in (tmp_path / ".flowdsl" / "archive" / "1.jsonl").read_bytes()


# --- the web application of the page ------------------------------------------------------------------

ORDERS = [f"order-{number}" for number in range(50)]
ORDER = {"sku": "bike", "card": "tok_visa"}


def test_the_application_of_the_page_loses_no_order_when_it_is_killed(tmp_path: Path) -> None:
    for name, text in re.findall(r"^```\w+ (\S+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL):
        (tmp_path / name).write_text(text)
    with services() as mock:
        environment = {**os.environ, "DEMO_URL": mock.url, "PYTHONPATH": str(ROOT)}
        with application(tmp_path, environment) as (process, url):
            asyncio.run(ordered(url))
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
        with application(tmp_path, environment) as (process, url):
            ends = asyncio.run(decided(url))
            process.terminate()
            assert process.wait(PATIENCE_SECONDS) in (0, -signal.SIGTERM)
        assert [effect for effect in mock.effects() if effect["count"] != 1] == []
        assert len([e for e in mock.effects() if e["service"] == "payments"]) == 20
    assert ends == ["succeeded"] * 20 + ["compensated"] * 10 + ["cancelled"] * 20
    store = FileStore(tmp_path / ".flowdsl", read_only=True)
    assert asyncio.run(store.fsck()) == []
    listed = Shell(tmp_path / ".flowdsl", mock).json("list", "--all")["runs"]
    assert sorted((run["run"], run["state"]) for run in listed) == sorted(
        zip(ORDERS, ends, strict=True)
    )


async def ordered(url: str) -> None:
    """Fifty orders, each of which waits for its approval."""
    async with httpx.AsyncClient(base_url=url, timeout=PATIENCE_SECONDS) as client:
        begun = await asyncio.gather(*(client.put(f"/orders/{run}", json=ORDER) for run in ORDERS))
        assert [each.json() for each in begun] == [{"run": run, "new": True} for run in ORDERS]
        again = await client.put(f"/orders/{ORDERS[0]}", json=ORDER)
        assert again.json() == {"run": ORDERS[0], "new": False}
        for run in ORDERS:
            async with client.stream("GET", f"/orders/{run}/turns") as turns:
                async for line in turns.aiter_lines():
                    if json.loads(line)["state"] == "waiting":
                        break
        refused = [
            await client.put(f"/orders/{ORDERS[0]}", json={**ORDER, "sku": "bell"}),
            await client.put("/orders/new", json={"sku": 7}),
            await client.put("/orders/.hidden", json=ORDER),
            await client.get("/orders/nobody"),
            await client.post(f"/orders/{ORDERS[0]}/approve", json={"ok": "yes"}),
        ]
        assert [(each.status_code, each.json()["code"]) for each in refused] == [
            (409, code) for code in ("F206", "F072", "F207", "F205", "F149")
        ]


async def decided(url: str) -> list[str]:
    """Twenty are approved, ten are not, and twenty cancelled: how each ends."""
    async with httpx.AsyncClient(base_url=url, timeout=PATIENCE_SECONDS) as client:

        async def told(number: int, run: str) -> str:
            if number < 30:
                said = await client.post(f"/orders/{run}/approve", json={"ok": number < 20})
            else:
                said = await client.post(f"/orders/{run}/cancel")
            assert (said.status_code, said.json()) == (202, {"kept": "ours"})
            async with client.stream("GET", f"/orders/{run}/turns") as turns:
                lines = [json.loads(line) async for line in turns.aiter_lines()]
            look = (await client.get(f"/orders/{run}")).json()
            assert look == lines[-1]
            return str(look["state"])

        return await asyncio.gather(*(told(number, run) for number, run in enumerate(ORDERS)))


@contextmanager
def application(
    folder: Path, environment: dict[str, str]
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        listening.set_inheritable(True)
        number, port = listening.fileno(), listening.getsockname()[1]
        command = [sys.executable, "-m", "uvicorn", "app:app", "--fd", str(number)]
        with subprocess.Popen(
            [*command, "--log-level", "warning"],
            cwd=folder,
            env=environment,
            text=True,
            pass_fds=[number],
        ) as process:
            try:
                yield process, f"http://127.0.0.1:{port}"
            finally:
                end(process)
