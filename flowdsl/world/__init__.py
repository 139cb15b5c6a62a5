"""Effects: the only folder that touches disk, network, clock and environment.

`clock.py` is time; `store/` keeps runs; `network/` sends one request and says what came of it; `secrets/` reads the values of
secrets and masks them in everything that is written or shown. What an observation *means* is judged in `saga/outcome.py`, and
what is sent next is decided in `saga`; nothing here decides about a run.
"""
