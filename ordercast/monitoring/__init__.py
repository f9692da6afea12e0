"""Metrics and health of all processes of a host, for Prometheus, balancers and operators.

folder.py       the private folder in which the processes of a host keep their series
sharing.py      the series of this process go into that folder
probes.py       what is measured when the metrics are read: the journal's head, the queues
exposition.py   the text that Prometheus reads
views.py        what is answered there: healthz, readyz, metrics
monitor.py      puts these together
port.py         a port of its own for them       listening.py   its socket
"""
