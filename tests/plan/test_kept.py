"""A map that is a value: it holds what a dict would hold, in its order, and no later one changes an earlier one."""

from __future__ import annotations

import random
from collections.abc import Mapping

import pytest

from flowdsl.plan.kept import SMALL, Kept, put, without


@pytest.mark.parametrize("keys", [SMALL // 2, SMALL * 8])
def test_it_holds_what_a_dict_holds_and_every_earlier_one_still_does(keys: int) -> None:
    # given keys that come, are put again, go, and come back
    chance = random.Random(keys)
    kept: Mapping[str, int] = {}
    known: dict[str, int] = {}
    past: list[tuple[Mapping[str, int], dict[str, int]]] = []
    for number in range(4 * keys):
        key = f"ship[{chance.randrange(keys)}]/label"
        if key in known and chance.random() < 0.3:
            kept = without(kept, key)
            del known[key]
        else:
            kept, known[key] = put(kept, key, number), number
        if number % (keys // 4) == 0:
            past.append((kept, dict(known)))
    # then each of them is the dict that it was, and a large one is shared
    for one, as_it_was in [*past, (kept, known)]:
        assert list(one.items()) == list(as_it_was.items())
        assert one == as_it_was
        assert len(one) == len(as_it_was)
        assert one.get("ship[0]/label", -1) == as_it_was.get("ship[0]/label", -1)
        assert ("nowhere" in one, one.get("nowhere")) == (False, None)
    assert isinstance(kept, Kept) == (keys > SMALL)


def test_a_key_that_is_not_there_is_an_error() -> None:
    large = Kept.of({number: number for number in range(SMALL)})
    with pytest.raises(KeyError):
        large[SMALL]
    with pytest.raises(KeyError):
        large.without(SMALL)
