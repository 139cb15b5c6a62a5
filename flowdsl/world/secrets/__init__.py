"""The values of secrets: found, and kept out of everything that is written or shown.

`values.py` finds them. `redaction.py` masks them in every form that `spellings.py` knows; `restoring.py` and `opening.py` bring
them back where they have to be sent again; `masked_request.py` does a whole request.
"""
