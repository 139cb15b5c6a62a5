"""The notation: what is written is read, and what cannot happen is refused with its reason."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowdsl.errors import InputError
from flowdsl.explorer.happening import WORDS, Happening, read_happening
from flowdsl.explorer.trail import read_trail, write_moment
from tests.explorer.corpus import diamond, parallel, sequence
from tests.runs import play
from tests.saga.plans import call, plan

CALLS = st.sampled_from(["a", "b!undo", "left/c", "a!answer", "on_failure/call-1"])


@st.composite
def happenings(draw: st.DrawFn) -> Happening:
    word = draw(st.sampled_from(sorted(WORDS)))
    match WORDS[word][0]:
        case "":
            return Happening(word)
        case "timer":
            return Happening(word, draw(st.sampled_from(["a#2", "a!settle#1", "deadline"])))
        case "calls":
            return Happening(word, ",".join(draw(st.lists(CALLS, max_size=3))))
        case _:
            detail = draw(st.sampled_from(["", "402", "2s", '{"id": 1}']))
            return Happening(word, draw(CALLS), detail)


moments = st.lists(st.lists(happenings(), min_size=1, max_size=3).map(tuple), max_size=6).map(tuple)


@given(moments)
def test_what_is_written_is_read_again(trail: tuple[tuple[Happening, ...], ...]) -> None:
    assert read_trail(" · ".join(map(write_moment, trail))) == trail


def test_a_trail_may_stand_on_one_line_or_on_many() -> None:
    one = read_trail("start · lose reply flight · fire flight!settle#1 · cancel")
    assert one == read_trail("\n  start\n  lose reply flight\n\n  fire flight!settle#1\n  cancel\n")
    assert [str(moment[0]) for moment in one][1:3] == ["lose reply flight", "fire flight!settle#1"]


def test_what_happens_at_once_is_joined() -> None:
    state, _, _ = play(parallel(), "ok a & ok b")
    assert state.calls["c"].flying


def test_a_unique_id_and_its_address_name_the_same_call() -> None:
    assert play(diamond(), "ok a")[0] == play(diamond(), "ok parallel-1/a")[0]


@pytest.mark.parametrize("text", ["explode a", "ok", "cancel a", "lose a", "refuse", "settle"])
def test_what_is_no_part_of_a_trail_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="not a part of a trail") as caught:
        read_happening(text)
    assert caught.value.code == "F150"
    assert "lose reply" in caught.value.help


@pytest.mark.parametrize(
    ("trail", "why"),
    [
        ("ok b", "`b` is not in flight"),
        ("ok a · ok a", "`a` is not in flight"),
        ("start b", "`b` is not in flight"),
        ("fire a#2", "no timer `a#2` runs"),
        ("crash b", "`b` is not in flight"),
        ("decline a", "no `expect`"),
        ("late a", "no request of `a` is late"),
        ("refuse a soon", "`soon` is not a status"),
        ("busy a soon", "`soon` is not a number of seconds"),
        ("ok a {id}", "not JSON"),
    ],
)
def test_what_cannot_happen_is_refused_with_its_reason(trail: str, why: str) -> None:
    with pytest.raises(InputError, match=r"cannot happen here|could say so") as caught:
        play(sequence(), trail)
    assert why in caught.value.message
    assert caught.value.code == "F151"


def test_each_word_does_what_it_says() -> None:
    tiny = plan(call("a", more="expect: a.good") + call("b"))
    for trail, unsure, flying in (
        ("ok a", False, "b"),
        ("lose reply a", True, ""),
        ("lose request a", True, ""),
        ("delay a", True, ""),
        ("fail a 503", True, ""),
        ("garble a", True, ""),
        ("puzzle a", True, ""),
        ("decline a", False, ""),
        ("not sent a", False, ""),
        ("refuse a 404", False, ""),
        ("busy a 7s", False, ""),
        ("crash", True, "a"),
        ("crash a", True, "a"),
    ):
        state, _, _ = play(tiny, trail)
        assert state.calls["a"].unsure is unsure, trail
        assert list(state.flying) == ([flying] if flying else []), trail
    assert play(tiny, "busy a 7s")[0].armed["a#2"] == 7.0


def test_the_world_remembers_what_arrived() -> None:
    # given a charge that was carried out, and one that never arrived
    tiny = plan("- id: a\n  call: POST plain/a\n  compensate: DELETE plain/a/${steps.a.key}\n", "")
    for fate, status in (("lose reply a", 204), ("lose request a", 404)):
        state, now, _ = play(tiny, f"{fate} · fire a!settle#1 · ok a!undo")
        answer = state.calls["a!undo"].answer
        assert answer is not None
        assert (answer.status, now.state) == (status, "compensated")
