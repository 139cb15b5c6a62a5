"""Where runs are kept. `port.py` is all that the engine knows of it; `files.py` and `memory.py` are two ways to do it.

The files, from the outside in:
    layout.py, disk.py              folders and names; the few things that are asked of a disk
    journal.py, line.py, index.py   one journal a process, a line a batch, and what stands where in it
    committer.py, own_journal.py    group commit; the journal that this process appends to
    journals.py, register.py        those of other processes; which runs there are, wherever they stand
    documents.py, definitions.py    a finished run; what runs are pinned to
    claims.py, queues.py, inbox.py  ids, keys, and orders for a run that another process drives
    adoption.py, quarantine.py      taking over from the dead; what was cut off
    fsck.py                         what is wrong with a store, in words; `access.py`, who may write it

A torn line is the end of a journal, a damaged one is an error: `docs/design/` says why.
"""
