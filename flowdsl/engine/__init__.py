"""Loops that make reality match `progress`, and the one way in to runs.

    project.py      what a run is prepared from: inputs, environment, addresses, secrets (`wanting.py`, `addresses.py`)
    engine.py       starts runs, takes them over, passes orders on (`orders.py`, `signals.py`)
    loop.py         the loop: fold, ask, keep, start what is wanted and not in flight
    attempt.py      one attempt of a call, the same for every loop, through `ports.py`
    masks.py, sign.py, pinned.py, detached.py, limits.py, contracts.py    what a loop needs by the way

Nothing here decides what happens next (`saga`), and nothing prints (`cli`).
"""
