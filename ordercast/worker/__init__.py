"""The background worker, without Celery: `flask ordercast worker`, any number of processes.

    draining.py    the loop of the inbox, and relaying.py of the relay (emits/)
    pruning.py     rows that have served their time are deleted
    canary.py      an event by which the way to every process is measured
    steps.py       the steps that a team hands in
    limits.py      how long a transaction may take
    loop.py        repeating a step      loops.py   running them all until SIGTERM

Each step is bounded, returns whether there may be more, and is tested without a process.
"""
