"""Loops that make reality match `progress`, and the one way in to runs.

    project.py      what a run is prepared from: inputs, environment, addresses, secrets (`wanting.py`, `addresses.py`)
    engine.py       start, tell, attach, adopt: each finds what is past and what is new, and `_tend` drives
    handle.py       a run in the hands of who asked: its turns, its rest (`tended.py`: driven here; `follow.py`: read along)
    orders.py       what a person's order means (`signals.py`), left for another process (`inbox.py`), heard here (`listening.py`)
    claiming.py     under which id a run starts; secrecy.py: with which secrets it goes on; neighbours.py: the other runs
    loop.py         the loop: fold, ask, keep, start what is wanted and not in flight
    attempt.py      one attempt of a call, the same for every loop, through `ports.py`
    masks.py, sign.py, pinned.py, detached.py, limits.py, contracts.py    what a loop needs by the way

Nothing here decides what happens next (`saga`), and nothing prints (`cli`).
"""
