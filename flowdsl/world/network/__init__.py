"""One request out, one observation back: what left this machine, and what did not.

`http.py` is the port; `passage.py` what it asks of a transport; `wire.py` the default one, on `connection.py` (HTTP/1.1) and
`dial.py` (addresses, TLS); `through_httpx.py` fits in any other. `outgoing.py` puts the secrets in; `hosts.py` says which
addresses are allowed; `body.py` and `charset.py` read an answer within limits; `retry_after.py` reads a pause. Nothing here
tries again: whether and when is `saga/attempt.py`.
"""
