"""The expressions in `${…}` and after `when:`: the small, safe part of Python's syntax, over JSON values.

Text → `token.py` → `grammar.py` (`mistakes.py` says what is wrong) → the checked tree of `tree.py`; then two ways part:
    inference.py    before a run: the type (`types.py`, `signature.py`), and what would certainly go wrong
    closures.py     in a run: closures, called by `evaluate.py` within a `budget.py`

`compiled.py` is the `Expression` that others hold. `operations.py`, `functions.py` and `reading.py` do the work on values,
exact and total: a value or a `Fault` (`fault.py`). `paths.py` says which data an expression reads, and under which tests.

No Python attribute is ever reached, and nothing here knows a clock or chance.
"""
