"""A plan, or a run, as a picture.

`graph.py` and `vertex.py` make `shape.py`'s boxes and frames of nodes; `level.py` cuts off what is deep. Then each its own way:
`dot.py`, `mermaid.py`, or `svg.py` by `layout.py` (layers) and `arrange.py` (columns), with `svg_parts.py` and the colours of
`palette.py`. `drawing.py` is the picture on a terminal. `choreography.py` is several workflows and the events between them.
"""
