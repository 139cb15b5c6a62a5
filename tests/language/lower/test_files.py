"""Workflow → Plan, for what other files bring: steps, services, names, and runs of their own."""

from __future__ import annotations

from flowdsl.language import Library, Source, check, compile_plan, paths_named
from flowdsl.language.load import load
from flowdsl.plan.nodes import Block, Confirm, Detach, Plan, Retry
from flowdsl.plan.template import Constant
from tests.language.examples import whole
from tests.language.plans import call_at, library_of, outline, plan_of, used

SHIP = """flowdsl: 1
name: ship
inputs: { order: string, way: { type: string, default: sea } }
defaults: { timeout: 7s, retry: 4, idempotency: 24h }
services: { stock: "${env.SHIP_URL}", carriers: { url: "http://carriers", auth: "bearer ${secrets.CARRIERS}" } }
steps:
  - id: parcel
    call: POST stock/parcels
    confirm: POST stock/parcels/${parcel.id}/confirm
    compensate: DELETE stock/parcels/${parcel.id}
  - id: label
    call: POST carriers/labels/${parcel.id}
    compensate: none
outputs: { label: "${label.id}" }
"""
TWICE = """
- parallel:
    - call: GET stock/x/${first.label}
    - id: first
      uses: ./ship.yaml
      with: { order: "o-${inputs.amount}" }
- id: rest
  for_each: order in ['o-2', 'o-3']
  uses: ./ship.yaml
  with: { order: "${order}" }
- commit
- uses: ./ship.yaml
  with: { order: last }
"""


def twice() -> Plan:
    return plan_of(TWICE, ship=SHIP)


def test_a_used_file_is_a_block_of_its_own_steps() -> None:
    assert outline(twice().root) == [
        "Block . []",
        "  Block parallel-1 []",
        "    Block parallel-1/first []",
        "      Call parallel-1/first/parcel []",
        "      Call parallel-1/first/label [0]",
        "    Call parallel-1/call-1 [0]",
        "  ForEach rest [0]",
        "    Block rest[] []",
        "      Call rest[]/parcel []",
        "      Call rest[]/label [0]",
        "  Commit commit [1]",
        "  Block confirms [2]",
        "    Block confirms/parallel-1 []",
        "      Block confirms/parallel-1/first []",
        "        Confirm parallel-1/first/parcel!confirm []",
        "    ForEach confirms/rest [0]",
        "      Block confirms/rest[] []",
        "        Confirm rest[]/parcel!confirm []",
        "  Block uses-1 [3]",
        "    Call uses-1/parcel []",
        "    Call uses-1/label [0]",
        "    Block uses-1/confirms [1]",
        "      Confirm uses-1/parcel!confirm []",
    ]


def test_each_use_has_names_and_arguments_of_its_own() -> None:
    plan = twice()
    assert sorted(plan.children) == ["parallel-1/first", "rest[]", "uses-1"]
    child = plan.children["rest[]"]
    assert (child.workflow, child.path, child.source) == ("ship", "ship.yaml", SHIP)
    assert child.names == {"parcel": "rest[]/parcel", "label": "rest[]/label"}
    assert [name for name, _ in child.arguments] == ["order"]
    assert [item.name for item in child.inputs] == ["order", "way"]
    assert [name for name, _ in child.outputs] == ["label"]
    assert plan.names == {"first": "parallel-1/first", "rest": "rest", "order": "rest"}


def test_each_use_brings_the_services_of_its_file() -> None:
    plan = twice()
    assert sorted(plan.services) == sorted(
        ["stock", "payments", "mail"]
        + [f"{where}/{name}" for where in plan.children for name in ("stock", "carriers")]
    )
    assert plan.services["uses-1/stock"].name == "stock"
    assert plan.services["stock"].url == Constant("http://localhost:9001")
    parcel = call_at(plan, "rest[]/parcel")
    assert parcel.action.service == "rest[]/stock"
    assert parcel.confirm is not None
    assert parcel.confirm.service == "rest[]/stock"


def test_what_files_read_from_outside_is_read_once_for_all() -> None:
    plan = twice()
    assert (plan.env, plan.secrets) == (("SHIP_URL",), ("CARRIERS",))


def test_patience_is_that_of_the_file_a_step_is_written_in() -> None:
    plan = plan_of(f"defaults: {{ timeout: 1s, retry: 9 }}\nsteps:\n{indented(TWICE)}", ship=SHIP)
    action = call_at(plan, "parallel-1/first/parcel").action
    assert (action.timeout_seconds, action.retry) == (7.0, Retry(4))


def indented(steps: str) -> str:
    return "".join(f"  {line}\n" for line in steps.splitlines())


def test_below_commit_a_used_file_tries_as_hard_as_what_is_around_it() -> None:
    ship = SHIP.replace(" retry: 4,", "")
    plan = plan_of(TWICE, ship=ship)
    assert call_at(plan, "rest[]/label").action.retry == Retry(3)
    assert call_at(plan, "uses-1/label").action.retry == Retry(10)


INVOICE = """
- id: invoice
  call: POST payments/invoices
  confirm: POST payments/invoices/${invoice.id}/confirm
  compensate: none
- commit
- uses: ./mail.yaml
"""
MAIL = """
- id: letter
  call: POST mail/letters
  confirm: POST mail/letters/${letter.id}/send
  compensate: none
"""


def test_a_used_file_that_commits_confirms_where_its_line_stands() -> None:
    steps = "- call: GET stock/x\n- commit\n- id: bill\n  uses: ./invoice.yaml\n"
    plan = plan_of(steps, invoice=INVOICE, mail=MAIL)
    assert outline(plan.nodes["bill"]) == [
        "Block bill [2]",
        "  Call bill/invoice []",
        "  Block bill/confirms [0]",
        "    Confirm bill/invoice!confirm []",
        "  Block bill/uses-1 [1]",
        "    Call bill/uses-1/letter []",
        "    Block bill/uses-1/confirms [0]",
        "      Confirm bill/uses-1/letter!confirm []",
    ]
    block = plan.nodes["bill/confirms"]
    assert isinstance(block, Block)
    assert block.kind == "confirms"
    assert plan.children["bill/uses-1"].names == {"letter": "bill/uses-1/letter"}
    assert plan.services["bill/uses-1/mail"].name == "mail"


def test_files_used_by_used_files_are_confirmed_by_who_commits() -> None:
    plan = plan_of("- uses: ./outer.yaml\n", outer="- uses: ./mail.yaml\n", mail=MAIL)
    confirms = [node for node in plan.nodes.values() if isinstance(node, Confirm)]
    assert [node.of for node in confirms] == ["uses-1/uses-1/letter"]
    assert outline(plan.nodes["confirms"]) == [
        "Block confirms [1]",
        "  Block confirms/uses-1 []",
        "    Block confirms/uses-1/uses-1 []",
        "      Confirm uses-1/uses-1/letter!confirm []",
    ]


def test_a_file_used_in_on_failure_fails_nothing() -> None:
    ship = "- call: POST mail/a\n- steps: [{ call: POST mail/b }]\n"
    plan = plan_of("steps: [{ wait: 1s }]\non_failure: [{ uses: ./ship.yaml }]\n", ship=ship)
    below = [node for name, node in plan.nodes.items() if name.startswith("on_failure/")]
    assert len(below) == 4
    assert not any(node.critical for node in below)


def test_a_detached_file_is_a_plan_of_its_own() -> None:
    steps = "- id: own\n  uses: ./invoice.yaml\n  detach: true\n- uses: ./invoice.yaml\n  detach: true\n"
    plan = plan_of(steps, invoice=INVOICE, mail=MAIL)
    node = plan.nodes["own"]
    assert isinstance(node, Detach)
    assert list(plan.detached) == [node.digest]
    child = plan.detached[node.digest]
    assert (child.name, node.workflow, child.digest) == ("invoice", "invoice", node.digest)
    assert child.path == "invoice.yaml"
    assert [path for path, _ in child.files] == ["mail.yaml"]
    assert [path for path, _ in plan.files] == ["invoice.yaml", "mail.yaml"]
    assert plan.children == {}


def test_a_pinned_definition_gives_the_same_plan_again() -> None:
    plan = twice()
    again = compile_plan(plan.source, plan.path, plan.files)
    assert again.digest == plan.digest
    assert outline(again.root) == outline(plan.root)


def test_the_digest_covers_every_file_and_not_where_they_all_lie() -> None:
    text = whole(TWICE)

    def digest(ship: str, folder: str = "") -> str:
        library = Library({f"{folder}ship.yaml": ship})
        return load(Source(f"{folder}w.yaml", text), library).digest

    assert digest(SHIP) == digest(SHIP, "deep/down/")
    assert digest(SHIP) != digest(SHIP + "\n")
    alone = whole("- call: GET stock/x\n")
    assert load(Source("a.yaml", alone)).digest == load(Source("b.yaml", alone)).digest


def test_a_file_names_the_files_it_is_made_of() -> None:
    text = (
        "flowdsl: 1\nservices: { a: { url: 'http://a', openapi: ../a.openapi.yaml } }\n"
        "steps:\n  - uses: ./ship.yaml\n  - switch: [{ steps: [{ uses: parts/ship.yaml }] }]\n"
        "on_failure:\n  - uses: ./ship.yaml\n"
    )
    assert paths_named(Source("flows/w.yaml", text)) == (
        "flows/ship.yaml",
        "flows/parts/ship.yaml",
        "a.openapi.yaml",
    )
    assert paths_named(Source("w.yaml", "[]")) == ()


def test_a_file_is_read_once_however_often_it_is_used() -> None:
    library = library_of(ship=SHIP, outer="- uses: ./ship.yaml\n  with: { order: a }\n")
    steps = "- uses: ./outer.yaml\n- uses: ./ship.yaml\n  with: { order: b }\n"
    plan = load(Source("w.yaml", whole(steps)), library)
    assert [path for path, _ in plan.files] == ["outer.yaml", "ship.yaml"]


def doubling(depth: int, use: str) -> Library:
    """ForEach file uses the next one twice."""
    files = {f"f{level}": use.format(level + 1) * 2 for level in range(depth)}
    return library_of(**files, **{f"f{depth}": "- call: GET stock/x\n"})


def test_a_few_files_cannot_be_made_a_million_steps() -> None:
    library = doubling(19, "- uses: ./f{}.yaml\n")
    codes = {
        item.code for item in check(Source("w.yaml", used("- uses: ./f0.yaml\n")), library).errors
    }
    assert codes == {"F007", "F031"}
    steps = doubling(13, "- uses: ./f{}.yaml\n")
    (error,) = check(Source("f0.yaml", steps.texts["f0.yaml"]), steps).errors
    assert error.message == "with all the files it uses, more than 20,000 steps"


def test_files_use_files_to_a_depth_with_a_limit() -> None:
    library = library_of(
        **{f"f{n}": f"- uses: ./f{n + 1}.yaml\n" for n in range(50)}, f50="- call: GET stock/x\n"
    )
    (error,) = check(Source("f29.yaml", library.texts["f29.yaml"]), library).errors
    assert error.code == "F031"
    assert check(Source("f31.yaml", library.texts["f31.yaml"]), library).errors == ()


def test_files_that_run_detached_are_made_plans_once_each() -> None:
    library = doubling(19, "- uses: ./f{}.yaml\n  detach: true\n")
    plan = load(Source("f0.yaml", library.texts["f0.yaml"]), library)
    for _ in range(19):
        (plan,) = plan.detached.values()
    assert plan.detached == {}


LABELLED = """
- status: packing
- steps:
    - status: sealing
    - call: GET stock/x
"""


def test_a_used_file_sets_no_status_where_others_run_beside_it() -> None:
    def addresses(steps: str) -> list[str]:
        return [name for name in plan_of(steps, pack=LABELLED).nodes if "status" in name]

    assert addresses("- uses: ./pack.yaml\n") == [
        "uses-1/status-1",
        "uses-1/steps-1/status-1",
    ]
    assert addresses("- for_each: x in [1, 2]\n  uses: ./pack.yaml\n") == []
    assert addresses("- parallel: [{ uses: ./pack.yaml }]\n") == []
    checked = check(
        Source("w.yaml", used("- for_each: x in [1, 2]\n  uses: ./pack.yaml\n")),
        library_of(pack=LABELLED),
    )
    assert [item.code for item in checked.diagnostics] == ["F036"]
    assert "`status` of `./pack.yaml` has no effect" in checked.diagnostics[0].message
