"""A located tree → a `Workflow`: every name, number and expression with its place, nothing resolved yet.

In reading order:
    workflow.py     what is made: `Workflow`, `Step`, a class a verb, and `VERBS`. `LocalVerb` is what sends nothing
    schema.py       the shipped JSON Schema, and its complaints in words with a place; it speaks first
    file.py         the file and its steps; `verbs.py`, `request.py`, `services.py`, `inputs.py`, `signal_schema.py`, `due.py`
    reader.py       text → templates and expressions; `parts.py`, what stands in many places
    vocabulary.py   what is reserved, and which key belongs to which

What has the wrong shape was said by `schema.py`, and is left out by the others without a word.
"""
