"""What a run would do, before it starts: `flowdsl plan`.

`callplan.py` is the table and its JSON; `planned.py` one row of it; `falls.py` the column IF IT FAILS, weighed on `run_order.py`;
`forecast.py` what can be known of values and lists beforehand.
"""
