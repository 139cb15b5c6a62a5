"""A `Workflow` that has no error → the `Plan`: blocks whose children carry `needs`, names that are addresses.

In reading order:
    plan.py         the plan of a file: the commit line, what stands below it, what it holds of all its files
    step.py         a step → its node; `call.py`, a call with its patience; `confirms.py`, confirms below the line
    file.py         what lowering one file hands to the whole
    flatten.py      the plan as one flat graph; `timing.py`, how long it may take

Nothing is checked here: what could be wrong was found by `rules/`.
"""
