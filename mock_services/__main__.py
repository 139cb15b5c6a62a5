"""`python -m mock_services`: the services on 127.0.0.1, until SIGTERM or Ctrl-C."""

from __future__ import annotations

import argparse
import asyncio
import signal
import socket
import sys

import uvicorn

from mock_services.app import create_app

BACKLOG = 2048
GRACE_SECONDS = 1  # a reply that is being lost would hold the door open for ever


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="mock_services", description=__doc__)
    parser.add_argument("--port", type=_port, default=9000, help="0 takes a free one")
    parser.add_argument(
        "--latency", type=_milliseconds, default=0.0, metavar="MS", help="before each answer"
    )
    options = parser.parse_args(arguments)
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", options.port))
    except OSError as error:
        listener.close()
        print(f"error: port {options.port}: {error.strerror}", file=sys.stderr)
        print("help: --port 0 takes a free one", file=sys.stderr)
        return 2
    listener.listen(BACKLOG)
    config = uvicorn.Config(
        create_app(options.latency / 1000),
        log_level="critical",
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    server = uvicorn.Server(config)

    def stop(*_: object) -> None:
        server.should_exit = True

    # From the line below on, a signal must end this well; uvicorn, once it runs, takes them over and
    # in the end raises the one that stopped it once more.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    print(f"mock services on http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
    asyncio.run(server.serve(sockets=[listener]))
    return 0


def _port(text: str) -> int:
    if not (text.isdecimal() and int(text) <= 65535):
        raise argparse.ArgumentTypeError("a port is a number from 0 to 65535")
    return int(text)


def _milliseconds(text: str) -> float:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError("a whole number of milliseconds")
    return float(text)


if __name__ == "__main__":
    sys.exit(main())
