"""A `Run` as it stands, in all the forms in which people and programs read it.

    tree.py, step.py, items.py      the picture: a row a step, a few items of a list
    status.py                       `status` and `list`; `closing.py`, the last line and the commands worth typing next
    failure.py                      what went wrong, drawn into the file; `tone.py`, how bad it looks
    timeline.py, exchange.py        the journal line by line; one exchange in full
    report.py                       the JSON of a run: `run --json`, `status --json`, the API
    positions.py                    where each step stands, also those that nobody asked about

The same run in the same words everywhere: a new way to show one is a file here.
"""
