"""A value against a JSON Schema, both given by somebody: bounded, whatever they hold.

In reading order: `value.py` (the check), `keywords.py` (those whose cost the value would decide), `counter.py` (what it has
cost so far), `pattern.py` (regular expressions in linear time), `words.py` (what was found, as "must be X, not Y").

The only wording of a complaint of JSON Schema is in `words.py`; files, inputs, signals and answers all say it.
"""
