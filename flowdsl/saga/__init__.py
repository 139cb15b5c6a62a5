"""The core: a plan and the facts of a run → where every node stands, and what should be in flight. Pure.

`events.py` are the facts, `state.py` what they fold to, `commands.py` what may be in flight, `progress.py` the answer (with
its theory of operation), `run.py` all of it as one noun, `advance.py` the turn that every loop takes. The rules of the contract:

    what an answer means: ok, refused, unknown          outcome.py, of an observation.py
    try again, and how long to pause                    attempt.py
    what goes on, in which order                        forward.py, with collecting.py for lists, waiting.py for time
    what turns, and that what is in flight lands first  progress.py, backward.py
    the settle window, the probe, the order of an undo  undoing.py; what may be allowed to fail is plan/tolerance.py
    what a call left in the world; unknown is sticky    ledger.py
    values that are decided once and kept               deciding.py, scope.py (the names an expression sees)
    the request, rendered once                          intent.py, and its key in the journal
    secrets: by reference only, never kept              secret_inputs.py, masking.py
    old journals replay for ever                        records.py: names on disk never change; codec.py: one line of each

`remembered.py` has the same answer as `progress` for what a turn has changed: `row.py` is what the children of a container
said, `gate.py` what holds up what, `places.py` where everything stands, `since.py` what two answers differ in.
`walk.py` is one ask; `unfolding.py` the plan with its lists' items; `words.py` what only a person said.
Nothing here has a clock, chance, a socket or a file; times come in with the facts.
"""
