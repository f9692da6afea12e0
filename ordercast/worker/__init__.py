"""Background work without Celery: `flask worker` runs these loops, any number of it may run.

    sequencing.py  committed events get their positions and are published
    publishing.py  how: Redis, with a back-off while it is away
    doorbell.py    waiting for the next commit
    inbox.py       what external processes sent goes into the journal
    expiry.py      orders that stay pending too long are cancelled
    pruning.py     what has served its time is deleted
    limits.py      what a transaction may take
    loop.py        repeating a step      loops.py   running them all until SIGTERM

Each step is bounded, returns how much it did, and is tested without a process.
"""
