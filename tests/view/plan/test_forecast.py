"""Claims about `flowdsl plan`: what is certain is filled in, what is not stays open, and IF IT FAILS says what follows."""

from __future__ import annotations

import pytest

from flowdsl.language import Library, Source, check, compile_plan
from flowdsl.language.load import load
from flowdsl.plan.nodes import Plan
from flowdsl.plan.values import Json
from flowdsl.view.calls import short_names
from flowdsl.view.outline import steps
from flowdsl.view.paint import plain, width
from flowdsl.view.plan.callplan import KnownValues, call_plan, fall_text, plan_json
from flowdsl.view.plan.falls import falls
from flowdsl.view.plan.forecast import forecast
from tests.view.stories import plan_of

HEAD = 'flowdsl: 1\nname: a\nservices: { a: "http://a", events: "http://e" }\n'


def plan(text: str, **files: str) -> Plan:
    library = Library({f"{name}.yaml": HEAD + other for name, other in files.items()})
    return load(Source("a.yaml", HEAD + text), library)


def said(of: Plan, step: str, inputs: dict[str, Json] | None = None) -> str:
    return fall_text(falls(forecast(of, inputs or {}))[step], short_names(of))


def test_items_that_are_written_down_are_filled_in() -> None:
    ahead = forecast(plan_of("lists"), {"orders": [{"id": "o-1"}], "people": ["ann"]})
    addresses = [node.address for node in steps(ahead.plan)]
    assert {"quotes[3]", "stock[2]", "ship[0]/parcel", "notify[0]"} <= set(addresses)
    drawn = plain(call_plan(plan_of("lists"), KnownValues({"orders": [{"id": "o-1"}]}, {})))
    assert "POST http://localhost:9001/wh-2/holds" in drawn
    assert "order  o-1" in drawn


def test_items_that_an_answer_decides_stay_open() -> None:
    of = plan(
        "steps:\n"
        "  - { id: found, call: GET a/found }\n"
        "  - { id: each, for_each: one in found.list, call: 'POST a/${one}', compensate: none }\n"
    )
    drawn = plain(call_plan(of, KnownValues({}, {})))
    assert "each ×  POST http://a/‹one›" in drawn
    assert "each one in found.list" in drawn
    assert "at least 2 calls" in drawn


def test_lists_in_lists_are_filled_in() -> None:
    of = plan(
        "inputs: { rows: array }\nsteps:\n"
        "  - id: row\n    for_each: row_of in inputs.rows\n    steps:\n"
        "      - id: cell\n        for_each: cell_of in row_of.cells\n"
        "        call: POST a/${row_of.id}/${cell_of}\n        compensate: none\n"
    )
    rows: list[Json] = [{"id": "r", "cells": ["x", "y"]}, {"id": "s", "cells": []}]
    drawn = plain(call_plan(of, KnownValues({"rows": rows}, {})))
    assert "POST http://a/r/x" in drawn
    assert "POST http://a/r/y" in drawn
    assert "http://a/s" not in drawn


def test_the_branch_that_will_be_taken_is_known_where_its_conditions_are() -> None:
    for total, taken in ((6000, "insured"), (900, "parcel")):
        drawn = plain(
            call_plan(plan_of("branches"), KnownValues({"total": total, "express": False}, {}))
        )
        assert f"        {taken} " in drawn
        others = {"insured", "express", "parcel"} - {taken}
        assert not any(f"        {other} " in drawn for other in others)
    drawn = plain(call_plan(plan_of("branches"), KnownValues({}, {})))
    assert all(f"        {name} " in drawn for name in ("insured", "parcel"))
    assert "        express " not in drawn  # its input is false where nobody gives it


def test_a_used_file_sees_what_it_is_given() -> None:
    used = (
        "inputs: { who: string, n: { type: integer, default: 7 } }\nsteps:\n"
        "  - { call: 'POST a/${inputs.who}/${inputs.n}', compensate: none }\n"
    )
    of = plan(
        "inputs: { name: string }\nsteps:\n"
        "  - { id: first, uses: ./used.yaml, with: { who: '${inputs.name}' } }\n"
        "  - { id: look, call: GET a/look }\n"
        "  - { id: second, uses: ./used.yaml, with: { who: 'x-${look.id}', n: 3 } }\n",
        used=used,
    )
    drawn = plain(call_plan(of, KnownValues({"name": "ann"}, {})))
    assert "POST http://a/ann/7" in drawn
    assert "POST http://a/‹inputs.who›/3" in drawn


def test_if_it_fails_knows_what_carries_on() -> None:
    lists = plan_of("lists")
    assert said(lists, "quotes[0]") == "try the others"
    assert said(lists, "notify[0]") == "a null"
    assert said(lists, "charge") == "undo parcel, invoice, stock"
    branches = plan_of("branches")
    assert said(branches, "charge") == "then voucher, note"
    assert said(branches, "charge/note") == "undo voucher"
    assert said(plan_of("parent"), "shipment/customs/declare") == "undo label, slot, charge"


def test_branches_that_exclude_each_other_do_not_undo_each_other() -> None:
    fall = falls(forecast(plan_of("branches"), {}))["carrier/steps-3/parcel"]
    assert "carrier/steps-1/insured" not in fall.undone
    assert "charge" in fall.undone


@pytest.mark.parametrize(
    ("collect", "then"),
    [
        ("all", "undo two, one, base"),
        ("settled", "undo one; then null"),
        ("first_success", "undo one; try the others; all: undo base"),
        ("{ quorum: 2 }", "undo one; try the others; all: undo base"),
    ],
)
def test_a_step_of_an_item_undoes_what_its_list_says(collect: str, then: str) -> None:
    of = plan(
        "inputs: { places: array }\nsteps:\n"
        "  - { id: base, call: POST a/base, compensate: DELETE a/base }\n"
        f"  - id: each\n    for_each: place in inputs.places\n    collect: {collect}\n    steps:\n"
        "      - { id: one, call: POST a/one, compensate: DELETE a/one }\n"
        "      - { id: two, call: POST a/two, compensate: DELETE a/two }\n"
    )
    assert said(of, "each[]/two") == then


def test_below_the_commit_line_a_list_that_needs_a_winner_needs_a_person() -> None:
    of = plan(
        "inputs: { places: array }\nsteps:\n  - commit\n"
        "  - { id: pick, for_each: place in inputs.places, collect: first_success, call: GET a/x }\n"
        "  - { id: tell, for_each: one in inputs.places, collect: settled, call: POST a/y }\n"
    )
    assert said(of, "pick[]") == "try the others; all: a person is needed (stuck)"
    assert said(of, "tell[]") == "a null"


def test_a_list_that_may_fail_is_a_warning_at_last() -> None:
    of = plan(
        "inputs: { places: array }\nsteps:\n"
        "  - id: pick\n    critical: false\n    for_each: place in inputs.places\n"
        "    collect: first_success\n    call: POST a/x\n    compensate: DELETE a/x\n"
    )
    assert said(of, "pick[]") == "try the others; all: a warning"


def test_a_plan_as_json_says_the_same() -> None:
    shown = plan_json(plan_of("branches"), KnownValues({"total": 900}, {}))
    assert isinstance(shown, dict)
    every = shown["steps"]
    assert isinstance(every, dict)
    charge = every["charge"]
    assert isinstance(charge, dict)
    assert charge["if_it_fails"] == {
        "then": "nothing", "goes_on": False, "undo": [], "left_behind": [],
        "first": "fallback", "fallback": ["charge/voucher", "charge/note"],
    }  # fmt: skip


@pytest.mark.parametrize("name", ["lists", "branches", "parent"])
def test_no_line_of_a_plan_is_wider_than_the_screen(name: str) -> None:
    many: list[Json] = [{"id": f"order-{number}" * 4, "kg": number} for number in range(30)]
    some: dict[str, Json] = {"orders": many, "total": 1, "order_id": "x" * 90}
    for inputs in ({}, some):
        drawn = call_plan(plan_of(name), KnownValues(inputs, {}))
        assert max(width(line) for line in drawn) <= 88


def test_a_long_plan_names_only_some_of_what_would_be_undone() -> None:
    text = "".join(
        f"  - {{ id: s{at}, call: POST a/x, compensate: DELETE a/x }}\n" for at in range(60)
    )
    of = compile_plan(HEAD + "steps:\n" + text, "a.yaml")
    assert said(of, "s59").endswith("and 48 more")


def test_what_may_fail_and_cannot_be_undone_is_said_to_stay() -> None:
    # given a group that may fail: a note in it that nothing undoes, and a hold that is confirmed
    of = plan(
        "steps:\n"
        "  - id: extra\n    critical: false\n    steps:\n"
        "      - id: hold\n        call: POST a/holds\n        confirm: POST a/holds/1/confirm\n"
        "        compensate: DELETE a/holds/1\n"
        "      - { id: note, call: POST a/notes }\n"
        "      - { id: label, call: POST a/labels, compensate: none }\n"
        "  - { id: last, call: POST a/last, compensate: none }\n"
    )
    # then the run is not stuck for it, and what ran before the note is undone all the same
    assert said(of, "extra/label") == "undo hold; then a warning; note stays"
    assert said(of, "last") == "undo hold; note stays"
    # but a confirm that is refused needs a person, whatever it is of
    assert said(of, "extra/hold!confirm") == "a person is needed (stuck)"


def test_an_undo_that_needs_a_lost_answer_is_no_reason_to_be_stuck_where_the_step_may_fail() -> (
    None
):
    labels = {}
    for critical in ("true", "false"):
        text = (
            f"steps:\n  - id: one\n    call: POST a/one\n    critical: {critical}\n"
            "    compensate: DELETE a/one/${one.id}\n"
        )
        found = [d for d in check(Source("a.yaml", HEAD + text)).diagnostics if d.code == "F013"]
        labels[critical] = found[0].label
    assert labels["true"].endswith("and the run is stuck")
    assert labels["false"].endswith("and the step may stay behind")
