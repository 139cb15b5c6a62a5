"""Restate as it comes: its server, and the trip as a workflow of its Python SDK behind hypercorn."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Awaitable, Sequence
from pathlib import Path

import aiohttp
import restate

from benchmarks.peers.saga import Client, Refused, book

IS_CLIENT = True
BINARIES = Path(__file__).parents[2] / ".venv-peers" / "npm" / "node_modules" / "@restatedev"
SERVER = """\
bind-ip = "127.0.0.1"
bind-port = {node}
listen-mode = "tcp"
disable-telemetry = true
log-filter = "warn"
[admin]
bind-port = {admin}
disable-web-ui = true
[ingress]
bind-port = {ingress}
"""
WORKER = """\
bind = "127.0.0.1:{worker}"
h2_max_concurrent_streams = 2147483647
keep_alive_max_requests = 2147483647
keep_alive_timeout = 2147483647
loglevel = "ERROR"
worker_class = "uvloop"
"""
CLIENT = Client(os.environ.get("TRIP_URL", ""))
trips = restate.Workflow("Trip")


async def call(trip: str, name: str, path: str, body: dict[str, object]) -> dict[str, object]:
    try:
        return await CLIENT.call(trip, name, path, body)
    except Refused as error:
        raise restate.TerminalError(str(error)) from error


@trips.main()
async def run(context: restate.WorkflowContext, request: dict[str, str]) -> None:
    trip = request["trip"]

    def step(name: str, path: str, body: dict[str, object]) -> Awaitable[dict[str, object]]:
        return context.run_typed(name, call, restate.RunOptions(), trip, name, path, body)

    async def together(steps: Sequence[Awaitable[dict[str, object]]]) -> None:
        await restate.gather(*steps)
        for each in steps:
            await each

    await book(trip, step, together, restate.TerminalError)


app = restate.app(services=[trips])


class Contender:
    def __init__(self, url: str, folder: str) -> None:
        self.url, self.folder = url, Path(folder)
        self.is_new = not (self.folder / "ports").exists()
        if self.is_new:
            (self.folder / "ports").write_text(" ".join(map(str, free_ports(4))))
        self.ports = dict(
            zip(
                ("node", "admin", "ingress", "worker"),
                map(int, (self.folder / "ports").read_text().split()),
                strict=True,
            )
        )

    async def start(self) -> list[int]:
        server, worker = self.folder / "server.toml", self.folder / "worker.toml"
        server.write_text(SERVER.format(**self.ports))
        worker.write_text(WORKER.format(**self.ports))
        (binary,) = BINARIES.glob("restate-server-*/bin/restate-server")
        known = {
            "env": {**os.environ, "TRIP_URL": self.url},
            "stdout": subprocess.DEVNULL,
            "stderr": subprocess.DEVNULL,
        }
        self.processes = [
            subprocess.Popen(
                [
                    binary,
                    "--no-logo",
                    "--node-name",
                    "bench",
                    "--base-dir",
                    self.folder / "data",
                    "-c",
                    server,
                ],
                **known,
            ),
            subprocess.Popen(
                [sys.executable, "-m", "hypercorn", "--config", worker, f"{__name__}:app"], **known
            ),
        ]
        self.session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
        if self.is_new:
            await self._register()
        return [process.pid for process in self.processes]

    async def _register(self) -> None:
        where = {"uri": f"http://127.0.0.1:{self.ports['worker']}"}
        for _ in range(600):
            try:
                async with self.session.post(
                    f"http://127.0.0.1:{self.ports['admin']}/deployments", json=where
                ) as said:
                    if said.status < 300:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.1)
        raise TimeoutError("Restate does not come up")

    async def run(self, trip: str, how: str = "") -> None:
        url = f"http://127.0.0.1:{self.ports['ingress']}/Trip/{trip}/run{how}"
        async with self.session.post(url, json={"trip": trip}) as said:
            assert said.status in (200, 202), await said.text()
            await said.read()

    async def submit(self, trip: str) -> None:
        await self.run(trip, "/send")

    async def recover(self) -> None:
        """The server does, by itself."""

    async def stop(self) -> None:
        await self.session.close()
        for process in self.processes:
            process.kill()
            process.wait()


def free_ports(number: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(number)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports
