"""A service that answers otherwise than its document says, seen from the command line."""

from __future__ import annotations

from pathlib import Path

from tests.cli.command_line import CommandLine, Services

DOCUMENTS = Path(__file__).parents[2] / "mock_services" / "openapi"
WORKFLOW = """flowdsl: 1
name: desk
defaults: { idempotency: 24h }
services:
  flights:
    url: ${default(env.DEMO_URL, 'http://localhost:9000')}/flights
    openapi: ./flights.openapi.yaml
    strict: false
steps:
  - id: flight
    call: flights.reserveFlight
    body: { flight: LH-454, reference: r-1 }
    compensate: DELETE flights/reservations/${flight.id}
outputs: { flight: "${flight.id}" }
"""


def desk(cli: CommandLine, *, strict: bool) -> str:
    """A document that says of the price what is not so: the service answers a number."""
    said = (DOCUMENTS / "flights.yaml").read_text("utf-8")
    cli.write(
        "flights.openapi.yaml", said.replace("price: { type: number }", "price: { type: string }")
    )
    return cli.write(
        "desk.yaml", WORKFLOW.replace("strict: false", f"strict: {str(strict).lower()}")
    )


def test_an_answer_that_does_not_fit_is_a_warning_that_outlives_the_document(
    cli: CommandLine, services: Services
) -> None:
    # given a service that is not as its document says
    path = desk(cli, strict=False)
    # when a workflow runs
    done = cli("run", path, "--id", "desk-1")
    # then it succeeds, and says what was odd
    assert done.code == 0
    assert services.standings() == ["held"]
    assert "succeeded" in done.err
    assert "1 warning" in done.err
    assert "not as described: `price` must be text, not 420" in " ".join(done.err.split())
    # and says so for ever after, of the run and of the exchange
    assert (
        "! not as described: `price` must be text, not 420" in cli("show", "desk-1", "flight").out
    )
    assert "not as described" in cli("status", "desk-1", "--events").out
    (cli.project / "flights.openapi.yaml").unlink()
    (warning,) = cli("status", "desk-1", "--json").json["warnings"]
    assert (warning["code"], warning["step"], warning["status"]) == ("F122", "flight", 201)


def test_where_the_service_is_strict_what_it_did_is_undone(
    cli: CommandLine, services: Services
) -> None:
    done = cli("run", desk(cli, strict=True), "--id", "desk-2")
    assert done.code == 1
    assert services.standings() == ["released"]
    assert "error[F122]" in done.err
    assert "what is not as described is not believed" in done.err
    assert cli("status", "desk-2", "--json").json["error"]["code"] == "F122"
