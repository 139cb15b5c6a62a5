"""The loop that tries everything: every outcome of every call in every order, up to a budget of faults.

    explore.py      the search; `situation.py`, a run and its world at one moment, and what becomes of it
    happening.py    one thing that happens; `trail.py`, several of them: written, parsed, replayed
    model.py        services that know which effects they hold; `bodies.py`, what they answer, by what `reads.py` finds
    rules.py        the promises, as code, checked in every situation and on every step
    sameness.py     when two situations are the same

The core under it is the engine's own. Pure: the worlds are models, their time is a number.
"""
