"""flowdsl beside others on the same trip: `make bench-peers`.

service.py      the services they all call; it counts by key
saga.py         the trip by hand, for those that are programmed
bare.py, own.py, restated.py, dbosed.py     a contender each: start, run a trip, submit many, recover
host.py         a contender in a process of its own, told what to do a line at a time
__main__.py     turns of all of them, kills, the table
"""

import gc

gc.set_threshold(20_000, 20, 50)  # as flowdsl's command line has it, for each of them
