"""What is to be done: frozen data, the hinge between the language and the saga.

In reading order:
    nodes.py        `Plan` and its nodes. `Local` nodes send nothing, so most walks need not know them one by one
    address.py      identity: the path of a node, and the call, undo, confirm and probe at it
    template.py     what a YAML value with `${…}` in it becomes; `expression/` is what stands in the braces
    body.py, location.py, request.py    the parts of one HTTP request, and the request itself
    unfold.py       the items of a `for_each` put into the plan; `inside` is what is one level below a node
    values.py, masked.py, json.py       JSON, secrets by reference, texts with marks for secrets, bytes
    words.py, span.py                   "did you mean", names in a row; a place in a file

Imports nothing of flowdsl but `codes` and `errors`. Nothing here decides what happens next: that is `saga`.
"""
