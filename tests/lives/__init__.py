"""What the suites that attack have in common: how a process dies, on what disk, before which services, in what time.

From the bottom up:

- `virtual`: time that jumps when nothing can be done (`run_virtually`, `VirtualClock`).
- `death`: `Death` is how a process ends, `Fuse` where it does, `DyingNetwork` while a request is out.
- `simdisk`: a disk in memory that forgets what was not synced.
- `front`: the mock services behind a door where requests get lost, come late, or are answered by somebody else.
- `starting`: runs with ids that the test has chosen, begun, resumed, adopted.
- `stage`: one life of one run, and a journal that is a list.
- `machine`: one life after the other, each with an engine on the disk that the last one left; `OneRun` on it.
- `theatre`: several lives in one virtual time, with people outside who give orders.
- `office`: several processes at once on one store.
- `constructs`: a small workflow for each construct of the language, to be played on any of these.
"""
