"""Faults: the network, races, locked tables, rows of other programs."""
