"""The text of a file, and how to point at a place in it. Knows YAML, and nothing of workflows.

In reading order:
    source.py       a text and where it came from; `library.py`, the other files that it names
    document.py     YAML 1.2 core → `located.py`, a tree in which every value knows its place; the limits are here
    traps.py        YAML's own complaints, as what a person meant
    diagnostics.py  `Diagnostic`, the severities and the catalogue of codes; `faults.py`, of thousands only the first
"""
