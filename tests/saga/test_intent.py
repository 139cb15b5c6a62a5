"""The request of a call: what it holds, where secrets stand in it, and which values its expressions see."""

from __future__ import annotations

import pytest

from flowdsl.explorer.situation import SIGNER
from flowdsl.language import compile_plan
from flowdsl.plan.address import CallId
from flowdsl.plan.nodes import Plan
from flowdsl.plan.request import BasicCredentials, Request
from flowdsl.plan.values import Secret
from flowdsl.saga.advance import advance
from flowdsl.saga.codec import decode, encode
from flowdsl.saga.events import Created, Started
from flowdsl.saga.run import Run
from flowdsl.saga.scope import value_of
from flowdsl.saga.unfolding import unfolded
from tests.runs import play
from tests.saga.plans import call, plan

HEAD = """\
flowdsl: 1
name: tiny
inputs:
  n: { type: integer, default: 2 }
  code: { type: string, secret: true }
  note: string?
services:
  bank:
    url: ${default(env.BANK, 'http://bank/')}
    auth: bearer ${secrets.TOKEN}
    headers: { X-Tenant: acme, X-Kind: wide }
    idempotency: { ttl: 1h, header: X-Once }
steps:
"""


def requests(steps: str) -> Plan:
    return compile_plan(HEAD + steps, "tiny.yaml")


def request_of(tiny: Plan, call_id: CallId, trail: str = "start") -> Request:
    state, _, _ = play(tiny, trail)
    request = state.calls[call_id].request
    assert request is not None
    return request


def test_a_request_has_its_url_headers_key_and_body_in_place() -> None:
    tiny = requests(
        """\
  - id: a
    call: POST bank/charges/${inputs.n}
    query: { size: "${inputs.n * 2}", none: "${inputs.note}" }
    headers: { x-kind: narrow }
    body: { amount: "${inputs.n + 0.5}", text: "n is ${inputs.n}", list: [1, "${inputs.n}"], empty: {} }
    compensate: none
"""
    )
    request = request_of(tiny, "a")
    assert (request.method, request.url) == ("POST", "http://bank/charges/2?size=4")
    assert dict(request.headers) == {
        "Content-Type": ("application/json",),
        "Authorization": ("Bearer ", Secret("TOKEN")),
        "X-Tenant": ("acme",),
        "x-kind": ("narrow",),
        "X-Once": ("key a do",),
    }
    assert request.body == ('{"amount":2.5,"text":"n is 2","list":[1,2],"empty":{}}',)


def test_a_secret_stands_in_a_body_by_reference_inside_its_quotes() -> None:
    tiny = requests(
        """\
  - id: a
    call: POST bank/charges
    body: { otp: "${inputs.code}", token: "x ${secrets.TOKEN} y", n: 1 }
    compensate: none
"""
    )
    assert request_of(tiny, "a").body == (
        '{"otp":"',
        Secret("inputs.code"),
        '","token":"x ',
        Secret("TOKEN"),
        ' y","n":1}',
    )


def test_a_service_may_be_replaced_when_the_run_is_created() -> None:
    tiny = plan(call("a"))
    created = Created("run", "tiny", tiny.digest, 0.0, {}, {}, {"keyed": "http://staging/v2"})
    turn = advance(Run.new(tiny), [created], SIGNER, 0.0)
    request = turn.after.state.calls["a"].request
    assert request is not None
    assert request.url == "http://staging/v2/a"


def test_a_path_with_a_query_of_its_own_takes_more() -> None:
    tiny = plan(
        "- id: a\n  call: GET plain/a?x=1\n  query: { y: 'a b' }\n- id: b\n  call: GET plain/b\n"
    )
    request = request_of(tiny, "a")
    assert request.url in ("http://plain/a?x=1&y=a%20b", "http://plain/a?x=1&y=a+b")
    assert request.body is None
    assert "Content-Type" not in dict(request.headers)


def test_a_step_sees_the_exchange_of_the_steps_before_it() -> None:
    tiny = plan(
        call("a", more="critical: false")
        + """
- id: b
  call: POST keyed/b
  body:
    status: ${steps.a.status}
    key: ${steps.a.key}
    error: ${steps.a.error}
    run: ${run.id}
    name: ${run.name}
  compensate: none
"""
    )
    body = request_of(tiny, "b", 'ok a {"id": 1}').body
    assert body == ('{"status":200,"key":"key a do","error":null,"run":"run","name":"tiny"}',)
    refused = request_of(tiny, "b", "refuse a 409").body
    assert refused is not None
    assert '"status":409' in str(refused[0])
    assert '"error":{"code":"F110","step":"a","message":"answered 409","status":409' in str(
        refused[0]
    )


def test_the_value_of_a_group_is_that_of_its_last_step() -> None:
    tiny = plan(
        "- id: g\n  steps:\n    - { id: a, call: GET keyed/a }\n    - { id: b, call: GET keyed/b }\n"
        "- id: p\n  parallel:\n    - { id: c, call: GET keyed/c }\n"
    )
    state, _, _ = play(tiny, 'ok a {"n": 1} · ok b {"n": 2} · ok c')
    here = unfolded(tiny, state)
    assert value_of(here, state, "g") == {"n": 2}
    assert value_of(here, state, "p") is None
    assert value_of(here, state, "g/a") == {"n": 1}


BASIC = "auth: { basic: { user: 'flows-${env.BANK}', password: '${secrets.TOKEN}' } }"


@pytest.mark.parametrize("more", ["", "headers: { authorization: mine }"])
def test_user_and_password_stand_in_an_intent_by_reference(more: str) -> None:
    text = HEAD.replace("auth: bearer ${secrets.TOKEN}", BASIC.replace("${env.BANK}", "1"))
    tiny = compile_plan(
        f"{text}  - {{ id: a, call: POST bank/charges, compensate: none, {more or 'body: {}'} }}\n",
        "tiny.yaml",
    )
    request = request_of(tiny, "a")
    if more:  # a header of the call takes its place
        assert (request.basic, dict(request.headers)["authorization"]) == (None, ("mine",))
        return
    assert request.basic == BasicCredentials(("flows-1",), (Secret("TOKEN"),))
    assert not any(name.lower() == "authorization" for name, _ in request.headers)
    assert "TOKEN" in tiny.secrets
    line = encode(Started("a", 1, 0.0, "key", request))
    assert decode(line) == Started("a", 1, 0.0, "key", request)
    assert b'"basic":{"user":"flows-1","password":[{"secret":"TOKEN"}]}' in line


def test_a_token_may_stand_in_the_long_form() -> None:
    long = HEAD.replace("auth: bearer ${secrets.TOKEN}", 'auth: { bearer: "${secrets.TOKEN}" }')
    step = "  - { id: a, call: POST bank/charges, compensate: none }\n"
    assert request_of(compile_plan(long + step, "x"), "a") == request_of(requests(step), "a")
