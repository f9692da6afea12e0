"""`flask ordercast prove`: that nothing is lost, doubled or out of order, on a service that runs.

command.py     the command: which service, and with whose consent
proof.py       one run, put together
people.py      identities of its own
endpoint.py    where the service is        wires.py     WebSocket and polling to it
client.py      a client that comes back with its pid and offset
writing.py     events into the journal, by each way there is
cutting.py     the clients' connections are cut
processes.py   processes of the service are killed and frozen
harm.py        which of them, and when
transcript.py  what the journal has, against what each client received
report.py      what is printed
"""
