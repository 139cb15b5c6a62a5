"""The same story with a crash of its driver at every point: before and after all that it keeps, sends and is answered."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import zip_longest

from tests.contract.judge import judge
from tests.contract.story import Story
from tests.contract.tally import TALLY
from tests.lives.machine import Machine

SECOND_STRIDE = 7  # of the second crash, which only the full size has


def crash_everywhere(
    make: Callable[[], Story],
    ends: str,
    stride: int = 1,
    then: Callable[[Story], object] = lambda _: None,
) -> int:
    """Each crash is followed by another life, with the same orders. `then` is a claim that holds whatever crashes.

    A fault cannot strike where the driver crashed before and took another way; over all crashes each strikes, though.
    How many crashes there were.
    """
    whole = make()
    whole.tell()
    assert all(whole.fired), f"a fault never strikes: {whole.fired}"
    struck = [0] * len(whole.fired)
    crashes = 0
    for point in range(1, whole.fuse.passed + 1, 1 if TALLY.full else stride):
        for story in _crashed(make, point):
            judge(story)
            at = sorted(story.fuse.burns_at)
            assert story.now.state in _ends(ends, story), f"crashed at {at}: {story.now}"
            then(story)
            struck = [sum(each) for each in zip_longest(struck, story.fired, fillvalue=0)]
            crashes += story.fuse.crashes
    assert crashes > 3
    assert all(struck), f"a fault strikes only where nothing crashes: {struck}"
    TALLY.crashes += crashes
    return crashes


def _ends(ends: str, story: Story) -> list[str]:
    """Two crashes, and what the story has besides, may spend all three attempts of a call: then it is undone."""
    spent = ["compensated"] if story.fuse.crashes > 1 and ends != "stuck" else []
    return ends.split() + spent


def _crashed(make: Callable[[], Story], point: int) -> Iterator[Story]:
    """With a crash there; in the full size also with a second one, at points of what follows."""
    once = _told(make(), point)
    yield once
    if TALLY.full:
        for second in range(point + 1 + point % SECOND_STRIDE, once.fuse.passed + 1, SECOND_STRIDE):
            yield _told(make(), point, second)


def _told(story: Story, *points: int) -> Story:
    story.fuse.burns_at = frozenset(points)
    story.tell()
    assert story.fuse.crashes == len(points)
    return story


def cut_everywhere(play: Callable[[Machine], None], stride: int = 1) -> None:
    """`play` is the whole story and its claims, with one life that is `cut`: once without, then at every point of it."""
    whole = Machine()
    play(whole)
    _judged(whole)
    for point in range(1, whole.points + 1, 1 if TALLY.full else stride):
        machine = Machine(point)
        play(machine)
        _judged(machine)
        assert machine.cuts == 1
        TALLY.crashes += 1
    assert TALLY.crashes > 3


def _judged(machine: Machine) -> None:
    machine.judge()
    TALLY.struck += sum(bend.fired for bend in machine.front.bends)
