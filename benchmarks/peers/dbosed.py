"""DBOS Transact as it comes, on SQLite: each call a step of a workflow."""

from __future__ import annotations

import asyncio
import os
from functools import partial

from dbos import DBOS, SetWorkflowID

from benchmarks.peers.saga import Client, book

IS_CLIENT = False
CLIENT = Client(os.environ.get("TRIP_URL", ""))


@DBOS.step()
async def call(trip: str, name: str, path: str, body: dict[str, object]) -> dict[str, object]:
    return await CLIENT.call(trip, name, path, body)


@DBOS.workflow()
async def booked(trip: str) -> None:
    await book(trip, partial(call, trip), lambda steps: asyncio.gather(*steps))


class Contender:
    def __init__(self, url: str, folder: str) -> None:
        CLIENT.url = url
        DBOS(
            config={
                "name": "trip",
                "system_database_url": f"sqlite:///{folder}/dbos.sqlite",
                "log_level": "ERROR",
                "application_version": "1",
                "executor_id": "local",
            }
        )

    async def start(self) -> list[int]:
        DBOS.launch()  # which goes on with what it finds
        return []

    async def run(self, trip: str) -> None:
        with SetWorkflowID(trip):
            await booked(trip)

    async def submit(self, trip: str) -> None:
        with SetWorkflowID(trip):
            await DBOS.start_workflow_async(booked, trip)

    async def recover(self) -> None:
        while await DBOS.list_workflows_async(status="PENDING", limit=1):
            await asyncio.sleep(0.1)

    async def stop(self) -> None:
        DBOS.destroy()
        await CLIENT.aclose()
