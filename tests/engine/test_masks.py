"""What a drive keeps and shows of the facts it works with."""

from __future__ import annotations

import pytest

from flowdsl.engine.masks import Masks
from flowdsl.plan.request import BasicCredentials, Request
from flowdsl.plan.values import Secret
from flowdsl.saga.codec import decode, encode
from flowdsl.saga.events import (
    CancelRequested,
    Created,
    Detached,
    Done,
    Event,
    Expanded,
    Failed,
    Failure,
    Fingerprint,
    Finished,
    Ok,
    Refused,
    Resolved,
    Resumed,
    Signalled,
    Started,
    Turned,
    Unknown,
    Waived,
)

SECRETS = {"T": "hunter2", "inputs.cvv": "420"}
SAID = Ok(200, {"x": "a hunter2"}, {"id": "hunter2-1", "n": 420}, "hunter2 is not it")
FAILURE = Failure("F110", "no hunter2", "a", 402, ["hunter2", 420])
FACTS: list[Event] = [
    Started("a", 1, 1.0, "k", Request("POST", "http://s/hunter2?n=420", (), ('{"n":420}',))),
    Started(
        "a",
        1,
        1.0,
        "k",
        Request("GET", "http://s", (), None, BasicCredentials(("hunter2",), (Secret("T"),))),
    ),
    Finished("a", 1, 2.0, SAID),
    Finished("a", 1, 2.0, Refused(FAILURE)),
    Finished("a", 1, 2.0, Unknown(FAILURE, SAID)),
    Resolved("a", 2.0, True, {"n": 420}, "hunter2", "hunter2"),
    CancelRequested(2.0, "ada", "hunter2"),
    Waived("a", 2.0, "ada", "hunter2"),
    Signalled("1", "go", 420, 2.0),
    Done("a", {"n": 420}),
    Failed("a", FAILURE),
    Expanded("a", ("hunter2", 420)),
    Detached("a", "r", "d", {"n": 420}),
    Turned("", "refused", FAILURE),
]


@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: type(fact).__name__)
def test_every_fact_is_kept_without_secrets_and_comes_back_as_it_was(fact: Event) -> None:
    line = encode(Masks(SECRETS, b"key").mask(fact))
    assert b"hunter2" not in line
    assert b"420" not in line
    (opened,), lost = Masks(SECRETS, b"key").open([decode(line)])
    assert opened == fact
    assert lost == frozenset()


def test_without_the_secrets_the_marks_stay_and_it_is_said_whose_they_are() -> None:
    kept = Masks(SECRETS, b"key").mask(Finished("a", 1, 2.0, SAID))
    (shown,), lost = Masks({"T": "hunter3"}, b"key").open([kept])
    assert shown == kept
    assert lost == {"T", "inputs.cvv"}


def test_the_branch_that_was_taken_is_no_data() -> None:
    """A secret of one digit is no reason to forget which way the run went."""
    taken = Done("switch-1", 1, is_place=True)
    assert Masks({"T": "1"}, b"key").mask(taken) == taken
    assert Masks({"T": "1"}, b"key").mask(Done("set-1", {"n": 1})) == Done(
        "set-1", {"n": "‹secret T›"}
    )


def test_each_drive_keeps_how_long_its_secrets_are_and_their_seals() -> None:
    created = Created(
        "r", "w", "d", 1.0, {"n": 420}, {"E": "hunter2", "F": None}, {"s": "http://hunter2"}
    )
    masks = Masks(SECRETS, b"key")
    kept = masks.mask(masks.identified(created))
    assert isinstance(kept, Created)
    assert [(one.name, one.length) for one in kept.fingerprints] == [("T", 7), ("inputs.cvv", 3)]
    assert b"hunter2" not in encode(kept)
    resumed = Masks({"T": "another"}, b"key").identified(Resumed(2, 3.0))
    assert isinstance(resumed, Resumed)
    assert all(isinstance(one, Fingerprint) for one in resumed.fingerprints)
    # and a life after those knows both again
    later = Masks({"T": "a third"}, b"key")
    later.open([decode(encode(kept)), decode(encode(resumed))])
    assert later.value("Bearer hunter2, or another") == "Bearer ‹secret T›, or ‹secret T›"


def test_without_secrets_facts_are_not_looked_at() -> None:
    fact = FACTS[1]
    assert Masks({}, b"key").mask(fact) is fact


def test_the_key_of_runs_that_go_one_at_a_time_is_the_same_for_the_same_value_and_shows_none() -> (
    None
):
    key = key_of("orders hunter2")
    assert key == key_of("orders hunter2")
    assert "hunter2" not in key
    assert key != key_of("orders hunter2-b")
    assert key_of("orders 7") == "orders 7"


def key_of(key: str) -> str:
    created = Masks(SECRETS, b"key").identified(Created("r", "w", "d", 1.0, {}, {}, {}, key=key))
    assert isinstance(created, Created)
    return created.key


def test_a_fact_in_which_no_secret_stands_is_kept_as_it_is() -> None:
    """So a run whose services never say one is not walked twice."""
    created = Created("r", "w", "d", 1.0, {"n": 7}, {}, {})
    masks = Masks(SECRETS, b"key")
    first = masks.identified(created)
    assert masks.mask(first) is first
