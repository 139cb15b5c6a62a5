"""contract.md, "One step: the join over its attempts": what stays unknown, what is sent again, and when."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from flowdsl.plan.nodes import Action, Idempotency, Retry, Service
from flowdsl.plan.template import Constant
from flowdsl.saga.attempt import Landing, attempt, delay_seconds, may_resend
from flowdsl.saga.commands import Invoke, Sleep
from flowdsl.saga.events import (
    Created,
    Event,
    Expired,
    Failed,
    Failure,
    Finished,
    Fired,
    Ok,
    Outcome,
    Refused,
    Retried,
    Started,
    Unknown,
)
from flowdsl.saga.outcome import interrupted
from flowdsl.saga.state import State, entry_of, fold

NO = Failure("F110", "no")
OK = Ok(200, {}, None)
LOST = Unknown(NO)
DIED = interrupted("a")
DIED_AS_OF_OLD = Unknown(NO, interrupted=True)  # as an earlier flowdsl wrote it down
REFUSED = Refused(NO)
DEFINITE = Refused(NO, definite=True)
NOT_SENT = Refused(NO, again=True, sent=False)
BUSY = Refused(NO, again=True, retry_after_seconds=2.0)

KEYED = Service("s", Constant("http://s"), idempotency=Idempotency(3600.0))
PLAIN = Service("s", Constant("http://s"))


def action(method: str = "POST", attempts: int = 3) -> Action:
    return Action(method, "s", Constant("/x"), retry=Retry(attempts))


def after(*outcomes: Outcome, run: str = "run", call: str = "a") -> State:
    """A call whose attempts ended so, ten seconds apart."""
    facts: list[Event] = [Created(run, "w", "d", 0.0, {}, {}, {})]
    for number, outcome in enumerate(outcomes, 1):
        at = 10.0 * number
        facts += [Started(call, number, at, "key"), Finished(call, number, at + 1, outcome)]
    return fold(State(), facts)


def landing(
    *outcomes: Outcome, method: str = "POST", service: Service = KEYED, attempts: int = 3
) -> Landing:
    return attempt(after(*outcomes), "a", action(method, attempts), service).landing


@pytest.mark.parametrize(
    ("claim", "outcomes", "keyed", "expected"),
    [
        ("ok if any was ok", [LOST, OK], True, "ok"),
        ("ok at once", [OK], False, "ok"),
        ("a no is a no", [REFUSED], False, "refused"),
        ("a lost answer is not sent for again without a key", [LOST], False, "unknown"),
        ("nor where the process died", [DIED], False, "unknown"),
        ("a definite answer speaks for the lost one", [LOST, DEFINITE], True, "refused"),
        ("a no that knows nothing of the key does not", [LOST, REFUSED], True, "unknown"),
        ("no connection proves nothing", [LOST, NOT_SENT, NOT_SENT], True, "unknown"),
        ("busy proves nothing", [LOST, BUSY, BUSY], True, "unknown"),
        ("unknown to the end", [LOST, LOST, LOST], True, "unknown"),
        ("nothing was ever sent", [NOT_SENT, NOT_SENT, NOT_SENT], False, "refused"),
        ("refused for now, to the end", [BUSY, BUSY, BUSY], False, "refused"),
        ("busy, then lost", [BUSY, LOST], False, "unknown"),
    ],
)
def test_the_join_over_the_attempts(
    claim: str, outcomes: list[Outcome], keyed: bool, expected: Landing
) -> None:
    assert landing(*outcomes, service=KEYED if keyed else PLAIN) == expected, claim


@given(st.lists(st.sampled_from([LOST, DIED, REFUSED, DEFINITE, NOT_SENT, BUSY]), max_size=6))
def test_without_keys_a_doubt_never_goes_away(outcomes: list[Outcome]) -> None:
    # given a service without keys: no answer of it is definite
    outcomes = [REFUSED if outcome is DEFINITE else outcome for outcome in outcomes]
    doubted = any(isinstance(outcome, Unknown) for outcome in outcomes)
    assert entry_of(after(*outcomes), "a").unsure is doubted


@pytest.mark.parametrize(
    ("method", "service", "expected"),
    [
        *[(method, PLAIN, True) for method in ("GET", "HEAD", "OPTIONS", "PUT", "DELETE")],
        *[(method, PLAIN, False) for method in ("POST", "PATCH")],
        *[(method, KEYED, True) for method in ("POST", "PATCH", "PUT", "DELETE", "GET")],
    ],
)
def test_what_may_be_sent_again(method: str, service: Service, expected: bool) -> None:
    assert may_resend(action(method), service) is expected
    assert landing(LOST, method=method, service=service) == ("running" if expected else "unknown")


@pytest.mark.parametrize("outcome", [NOT_SENT, BUSY])
def test_what_was_not_done_may_always_be_tried_again(outcome: Outcome) -> None:
    assert landing(outcome, service=PLAIN) == "running"


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_a_read_leaves_nothing_behind_so_lost_is_as_good_as_refused(method: str) -> None:
    assert landing(LOST, LOST, LOST, method=method, service=PLAIN) == "refused"


def test_a_request_that_may_not_be_sent_twice_goes_on_a_connection_of_its_own() -> None:
    for service, fresh in ((PLAIN, True), (KEYED, False)):
        command = attempt(State(), "a", action(), service).command
        assert isinstance(command, Invoke)
        assert command.fresh is fresh


def test_an_attempt_that_is_out_is_wanted_until_it_lands() -> None:
    state = fold(after(LOST), [Started("a", 2, 20.0)])
    now = attempt(state, "a", action(), KEYED)
    assert now.landing == "running"
    assert now.command == Invoke("a", 2, 10.0, fresh=False, not_after=10.0 + 3600.0)


# --- the time a key is good for ----------------------------------------------------------------------


def test_a_re_send_has_an_end_counted_from_the_first_send() -> None:
    state = fold(after(LOST), [Fired("a#2", 15.0)])
    for service, ttl in ((KEYED, 3600.0), (PLAIN, 24 * 3600.0)):
        command = attempt(state, "a", action("PUT"), service).command
        assert isinstance(command, Invoke)
        assert command.not_after == 10.0 + ttl


def test_what_was_surely_not_done_has_no_such_end() -> None:
    state = fold(after(BUSY), [Fired("a#2", 15.0)])
    command = attempt(state, "a", action(), KEYED).command
    assert isinstance(command, Invoke)
    assert command.not_after is None


def test_a_key_that_is_forgotten_is_not_used_again_not_even_on_a_persons_order() -> None:
    state = fold(after(LOST), [Expired("a")])
    assert attempt(state, "a", action(), KEYED).landing == "unknown"
    granted = fold(state, [Retried("a", 99.0)])
    assert attempt(granted, "a", action(), KEYED).landing == "unknown"


# --- when --------------------------------------------------------------------------------------------


def pause(state: State, doing: Action) -> float:
    return delay_seconds(state, "a", entry_of(state, "a"), doing)


def test_the_pause_is_slept_from_when_the_attempt_ended() -> None:
    now = attempt(after(LOST), "a", action(), KEYED)
    assert isinstance(now.command, Sleep)
    assert (now.command.timer, now.command.since) == ("a#2", 11.0)


def test_the_pause_grows_and_has_a_cap_and_a_jitter_of_at_most_a_half() -> None:
    doing = replace(action(attempts=20), retry=Retry(20, 0.5, 2.0, 30.0))
    for made in range(1, 20):
        plain = min(0.5 * 2 ** (made - 1), 30.0)
        assert plain <= pause(after(*[LOST] * made), doing) <= plain * 1.5


def test_the_jitter_is_no_chance_and_differs_from_run_to_run() -> None:
    pauses = {pause(after(LOST, run=f"run-{number}"), action()) for number in range(20)}
    again = {pause(after(LOST, run=f"run-{number}"), action()) for number in range(20)}
    assert pauses == again
    assert len(pauses) == 20


@pytest.mark.parametrize(
    ("asked", "waited"), [(0.0, 0.0), (7.0, 7.0), (300.0, 300.0), (9e9, 300.0)]
)
def test_a_service_is_given_the_time_it_asks_for_up_to_five_minutes(
    asked: float, waited: float
) -> None:
    busy = Refused(NO, again=True, retry_after_seconds=asked)
    lost = Unknown(NO, retry_after_seconds=asked)
    assert pause(after(busy), action()) == pause(after(lost), action()) == waited


def test_after_a_crash_there_is_no_pause() -> None:
    now = attempt(after(DIED), "a", action(), KEYED)
    assert isinstance(now.command, Invoke)


# --- how often ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("attempts", [1, 2, 5])
def test_nobody_is_asked_more_often_than_said(attempts: int) -> None:
    assert landing(*[LOST] * (attempts - 1), attempts=attempts) == "running"
    assert landing(*[LOST] * attempts, attempts=attempts) == "unknown"


def test_ten_attempts_that_a_crash_interrupted_are_not_counted_and_then_they_are() -> None:
    # given a call that has two attempts, and a process that dies again and again while it is out
    assert landing(*[DIED] * 10, attempts=2) == "running"
    assert landing(*[DIED] * 10, LOST, attempts=2) == "running"
    assert landing(*[DIED] * 10, LOST, LOST, attempts=2) == "unknown"
    # then the eleventh counts, and the twelfth is the last
    assert landing(*[DIED] * 11, attempts=2) == "running"
    assert landing(*[DIED] * 12, attempts=2) == "unknown"


def test_the_ten_are_of_the_call_whatever_a_person_grants_it() -> None:
    state = fold(after(*[DIED] * 10, LOST, LOST, LOST), [Retried("a", 999.0)])
    for number in (14, 15, 16):
        at = number * 100.0
        state = fold(state, [Started("a", number, at), Finished("a", number, at, DIED)])
    assert attempt(state, "a", action(), KEYED).landing == "unknown"


def test_a_post_that_may_not_be_sent_twice_is_not_sent_again_for_a_crash() -> None:
    assert landing(DIED, service=PLAIN) == "unknown"


def test_what_an_old_journal_says_of_a_crash_counts_as_it_did() -> None:
    # given a run that went on from there: what it took for over stays over
    assert landing(*[DIED_AS_OF_OLD] * 3, attempts=3) == "unknown"


def test_a_person_grants_a_fresh_set_that_begins_at_once() -> None:
    spent = after(LOST, LOST, LOST)
    state = fold(spent, [Retried("a", 99.0)])
    command = attempt(state, "a", action(), KEYED).command
    assert isinstance(command, Invoke)
    assert command.attempt == 4
    for number in (4, 5, 6):
        at = number * 100.0
        state = fold(state, [Started("a", number, at), Finished("a", number, at, LOST)])
        assert attempt(state, "a", action(), KEYED).landing == (
            "unknown" if number == 6 else "running"
        )


def test_a_grant_that_comes_twice_or_while_it_is_out_grants_once() -> None:
    state = fold(after(LOST), [Retried("a", 99.0), Retried("a", 99.0), Started("a", 2, 100.0)])
    state = fold(state, [Retried("a", 101.0), Finished("a", 2, 102.0, LOST)])
    assert attempt(state, "a", action(), PLAIN).landing == "unknown"


@pytest.mark.parametrize(("before", "expected"), [([], "refused"), ([LOST], "unknown")])
def test_what_cannot_be_sent_is_refused_unless_there_was_a_doubt(
    before: list[Outcome], expected: Landing
) -> None:
    state = fold(after(*before), [Failed("a", NO)])
    assert attempt(state, "a", action(), KEYED).landing == expected
