"""What is wrong with a call is found at its place, and what may be right is left alone."""

from __future__ import annotations

import re
from textwrap import indent

import pytest

from flowdsl.language.openapi import CheckedCall
from flowdsl.language.text.source import Source
from flowdsl.plan.span import Span
from tests.language.openapi.checking import DOCUMENTS, ROOT, SHOP, check_workflow, contract_at

HEAD = """flowdsl: 1
inputs:
  text: string
  maybe: string?
  number: number
  whole: integer
  flag: boolean
  list: array
  texts: { type: array, items: { type: string } }
  color: { enum: [red, blue] }
  sorting: { enum: [name, price, age] }
  line: { type: object, required: [item], properties: { item: { type: integer } }, additionalProperties: false }
  any: object
services: { shop: http://shop }
steps:
"""
ORDER = "headers: { X-Tenant: acme }\nbody: { currency: EUR, lines: [] }\n"
CONTRACTS = {"shop": contract_at(SHOP)}


def text_of(step: str) -> str:
    return HEAD + indent(f"- {indent(step, '  ').lstrip()}", "  ") + "\n"


def checked_step(step: str) -> tuple[CheckedCall, Source]:
    source = Source("w.yaml", text_of(step))
    return check_workflow(source.text, CONTRACTS), source


PLANTED = [
    # no such operation
    ("call: GET shop<</itms?shop=a>>", "F092", "did you mean `GET /items`?"),
    ("call: POST shop<</orders/1/note>>", "F092", "did you mean `POST /orders/{order}/notes`?"),
    ("call: GET shop<</zzzzzz>>", "F092", "its paths are `/items`"),
    ("call: <<PUT>> shop/items/7", "F092", "it takes `DELETE` and `GET`"),
    ("call: <<shop/items/7>>", "F092", "it takes"),
    ("call: GET shop<</items/${inputs.whole}/parts>>", "F092", ""),
    # query
    ("call: GET shop/items\nquery: { shop: a, <<limt>>: 5 }", "F093", "did you mean `limit`?"),
    ("call: GET shop/items?shop=a&<<limt>>=5", "F093", "did you mean `limit`?"),
    ("call: GET shop/items/7\nquery: { <<full>>: true }", "F093", "it takes"),
    ("call: GET shop/items\n<<query>>: { limit: 5 }", "F094", "add `shop:` under `query:`"),
    ("call: <<GET shop/items>>", "F094", "add `shop:`"),
    (
        "call: GET shop/items\nquery: { shop: '${<<inputs.maybe>>}' }",
        "F094",
        "default(inputs.maybe",
    ),
    ("call: GET shop/items\nquery: { shop: a, limit: <<many>> }", "F097", ""),
    ("call: GET shop/items\nquery: { shop: a, limit: <<500>> }", "F097", ""),
    ("call: GET shop/items\nquery: { shop: a, limit: <<1.5>> }", "F097", ""),
    ("call: GET shop/items?shop=a&limit=<<0>>", "F097", ""),
    ("call: GET shop/items\nquery: { shop: a, sort: <<age>> }", "F097", ""),
    ("call: GET shop/items\nquery: { shop: a, limit: '${<<inputs.flag>>}' }", "F097", ""),
    ("call: GET shop/items\nquery: { shop: a, sold: '${<<inputs.whole>>}' }", "F097", ""),
    ("call: GET shop/items\nquery: { shop: a, limit: '${<<inputs.list>>}' }", "F097", ""),
    ("call: GET shop/items\nquery: { shop: <<[a]>> }", "F097", ""),
    # path
    ("call: GET shop/items/<<seven>>", "F097", ""),
    ("call: GET shop/items/${<<inputs.flag>>}", "F097", ""),
    # headers
    ("call: <<POST shop/orders>>\nbody: { currency: EUR, lines: [] }", "F094", "`X-Tenant:`"),
    (ORDER.replace("acme", "<<acne>>") + "call: POST shop/orders", "F097", ""),
    # body
    ("headers: { X-Tenant: acme }\ncall: <<POST shop/orders>>", "F094", "add `body:`"),
    ("call: GET shop/items/7\n<<body>>: { a: 1 }", "F098", "take `body:` away"),
    ("call: DELETE shop/items/7\n<<body>>: { a: 1 }", "F098", "take `body:` away"),
    ("call: POST shop/pictures\n<<body>>: { a: 1 }", "F098", ""),
    ("call: POST shop/orders/1/notes\n<<body>>: { shown: true }", "F094", "add `text:`"),
    ("call: POST shop/orders/1/notes\nbody: { <<txt>>: a }", "F096", "did you mean `text`?"),
    ("call: POST shop/orders/1/notes\nbody: { text: a, <<colour>>: b }", "F096", "its fields are"),
    ("call: POST shop/orders/1/notes\nbody: { text: <<7>> }", "F097", ""),
    ("call: POST shop/orders/1/notes\nbody: { text: '${<<inputs.whole>>}' }", "F097", ""),
    ("call: POST shop/orders/1/notes\nbody: { text: '${<<inputs.maybe>>}' }", "F097", ""),
    ("call: POST shop/orders/1/notes\nbody: { text: <<a text that is far too long>> }", "F097", ""),
    ("call: POST shop/orders/1/notes\nbody: { text: a, shown: <<'yes'>> }", "F097", ""),
    ("call: POST shop/orders/1/notes\nbody: { text: <<[a]>> }", "F097", ""),
    ("call: POST shop/orders/1/notes\nbody: { text: <<{ a: 1 }>> }", "F097", ""),
    ("call: POST shop/orders/1/notes\nbody: <<hello>>", "F097", ""),
    (
        "call: POST shop/orders/1/notes\nbody: { text: a, shown: <<'x ${inputs.text}'>> }",
        "F097",
        "",
    ),
]
ORDERS = [
    ("{ currency: EUR, lines: [], <<lenes>>: 1 }", "F095"),
    ("{ <<id>>: a, currency: EUR, lines: [] }", "F096"),
    ("{ currency: <<GBP>>, lines: [] }", "F097"),
    ("{ currency: '${<<inputs.color>>}', lines: [] }", "F097"),
    ("{ currency: EUR, lines: '${<<inputs.text>>}' }", "F097"),
    ("{ currency: EUR, lines: '${<<inputs.texts>>}' }", "F097"),
    ("{ currency: EUR, lines: ['${<<inputs.line>>}'] }", "F097"),
    ("{ currency: EUR, lines: [{ item: 1, count: <<0>> }] }", "F097"),
    ("{ currency: EUR, lines: [<<{ item: 1 }>>] }", "F094"),
    ("{ currency: EUR, lines: [{ item: 1, count: 2, <<cuont>>: 2 }] }", "F095"),
    ("{ currency: EUR, lines: [], <<customer>>: { age: 3 } }", "F094"),
    ("{ currency: EUR, lines: [], customer: { name: <<null>> } }", "F097"),
    ("{ currency: EUR, lines: [], total: '${<<inputs.maybe>>}' }", "F097"),
    ("{ currency: EUR, lines: <<null>> }", "F097"),
]
PAYMENTS = [
    ("{ kind: card, number: <<abc>> }", "F097"),
    ("{ kind: transfer, iban: X, <<bic>>: Y }", "F095"),
    ("{ kind: <<cash>>, iban: X }", "F097"),
]
PLANTED += [
    (f"call: POST shop/orders\nheaders: {{ X-Tenant: acme }}\nbody: {body}", code, "")
    for body, code in ORDERS
]
PLANTED += [(f"call: POST shop/payments\nbody: {body}", code, "") for body, code in PAYMENTS]


@pytest.mark.parametrize(("step", "code", "hint"), PLANTED, ids=[step for step, _, _ in PLANTED])
def test_a_planted_mistake_is_found_at_its_place(step: str, code: str, hint: str) -> None:
    checked, _ = checked_step(re.sub("<<|>>", "", step))
    assert [finding.code for finding in checked.findings] == [code], checked
    finding = checked.findings[0]
    assert finding.span == marked(step)
    assert hint in (finding.meant or finding.help)
    assert "None" not in finding.message + finding.help + finding.meant


def marked(step: str) -> Span:
    """The place between `<<` and `>>`."""
    before, inside, _ = re.split("<<|>>", text_of(step))
    lines = before.split("\n")
    return Span(len(lines), len(lines[-1]) + 1, len(inside))


def test_there_are_many_planted_mistakes() -> None:
    assert len(PLANTED) >= 40


FINE = [
    "call: GET shop/items?shop=a",
    "call: GET shop/v2/items?shop=a",
    "call: GET shop/items\nquery: { shop: '${inputs.text}', limit: 5, sort: price, sold: true, tags: a }",
    "call: GET shop/items\nquery: { shop: a, limit: '7', sort: '${inputs.sorting}', sold: '${inputs.text}' }",
    "call: GET shop/items\nquery: { shop: a, 'filter[a]': b, api_key: k, limit: null }",
    "call: GET shop/items\nquery: { shop: a, limit: '${inputs.maybe}' }",
    "call: GET shop/items/${inputs.whole}",
    "call: GET shop/items/${inputs.text}",
    "call: GET shop/items/best",
    "call: HEAD shop/items/7",
    "call: GET shop/${inputs.text}/7",
    "call: DELETE shop/items/7",
    "call: POST shop/orders/a-${inputs.text}/notes\nbody: { text: '${inputs.text}', shown: '${inputs.any.shown}' }",
    "call: POST shop/orders/1/notes",
    "call: POST shop/orders/1/notes\nbody: '${inputs.any}'",
    "call: POST shop/pictures\nheaders: { Content-Type: multipart/form-data }\nbody: '${inputs.text}'",
    "call: PUT shop/anything\nquery: { whatever: 1 }\nbody: [1, { a: 2 }]",
    "call: POST shop/payments\nbody: { kind: card, number: '123' }",
    "call: POST shop/payments\nbody: { kind: '${inputs.text}', iban: DE1 }",
    (
        "call: POST shop/orders\nheaders: { x-tenant: '${inputs.text}' }\nbody: { currency: '${inputs.text}', "
        "lines: '${inputs.list}', customer: null, total: '${inputs.number}', gift: '${inputs.flag}', secret: s }"
    ),
    (
        "call: POST shop/orders\nheaders: { X-Tenant: acme }\nbody: { currency: EUR, lines: [{ item: '${inputs.whole}', "
        "count: '${inputs.number}', labels: { any: thing } }], customer: { name: a, age: null } }"
    ),
]


@pytest.mark.parametrize("step", FINE)
def test_a_call_that_may_be_right_is_left_alone(step: str) -> None:
    checked, _ = checked_step(step)
    assert checked.findings == ()


@pytest.mark.parametrize(
    ("step", "unknown"),
    [
        ("call: GET shop/items?shop=a", 0),
        ("call: GET shop/items\nquery: { shop: a, tags: x }", 1),
        ("call: GET shop/${inputs.text}/7", 1),
        ("call: PUT shop/anything\nbody: 1", 1),
        ("call: POST shop/orders/1/notes\nbody: { text: '${inputs.any.a}' }", 1 + 1),
    ],
)
def test_what_nobody_can_say_is_counted(step: str, unknown: int) -> None:
    checked, _ = checked_step(step)
    assert (checked.findings, checked.unknown) == ((), unknown)


def test_undos_confirms_and_probes_are_checked_too() -> None:
    step = (
        "id: order\ncall: POST shop/orders\n"
        + ORDER
        + "confirm: POST shop/orders/${order.id}/nots\n"
        "compensate:\n  call: POST shop/orders/${order.id}/notes\n  body: { text: 7 }\n"
        "probe:\n  call: GET shop/items\n  query: { shop: '${steps.order.key}', limt: 1 }\n  found: probe"
    )
    checked, source = checked_step(step)
    shown = [(finding.code, source.at(finding.span)) for finding in checked.findings]
    assert shown == [("F092", "/orders/${order.id}/nots"), ("F097", "7"), ("F093", "limt")]


def test_an_answer_gives_its_type_to_what_reads_it() -> None:
    text = HEAD + (
        "  - id: item\n    call: GET shop/items/7\n"
        "  - call: POST shop/orders/1/notes\n    body: { text: '${item.id}' }\n"
    )
    checked = check_workflow(text, CONTRACTS)
    assert [(f.code, f.message) for f in checked.findings] == [
        ("F097", "`text` must be text, not a whole number")
    ]


def test_a_literal_inside_an_escaped_text_is_still_pointed_at() -> None:
    checked, source = checked_step('call: "GET shop/item\\x73?\\u0073hop=a&limt=3"')
    assert [(f.code, source.at(f.span)) for f in checked.findings] == [("F093", "limt")]


@pytest.mark.parametrize("path", sorted((ROOT / "workflows").glob("*.yaml")), ids=lambda p: p.stem)
def test_nothing_is_found_in_a_shipped_workflow(path: object) -> None:
    contracts = {file.stem: contract_at(file) for file in DOCUMENTS.glob("*.yaml")}
    checked = check_workflow(path.read_text("utf-8"), contracts)  # type: ignore[attr-defined]
    assert checked.findings == ()
    assert checked.checked > 0


def test_findings_come_in_the_order_of_the_file() -> None:
    checked, _ = checked_step("call: GET shop/items/7\nquery: { b: 1, a: 2 }\nbody: 3")
    spans = [finding.span for finding in checked.findings]
    assert len(spans) == 3
    assert spans == sorted(spans, key=lambda span: (span.line, span.column))
    assert all(isinstance(span, Span) for span in spans)
