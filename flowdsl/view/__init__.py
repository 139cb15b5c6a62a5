"""Anything → text, drawings and JSON for people and programs. Pure: nothing is asked, nothing is printed.

    paint.py        a `Line` of styled pieces: the only place that knows colours and columns
    verb.py         how each kind of step looks, in words and as a box: what a new one has to visit
    outline.py, mark.py, calls.py, brief.py, times.py, shell.py    rows, states, names, JSON in little room
    plan/           before a run: `flowdsl plan`
    run/            a run as it stands: `status`, `list`, `show`, `--json`, the timeline, how it ended
    graph/          pictures: SVG, Mermaid, DOT, a choreography
    problem/        what is wrong with files: frames, JSON, SARIF, JUnit

What is drawn is what `progress` answered: no view decides anything about a run.
"""
