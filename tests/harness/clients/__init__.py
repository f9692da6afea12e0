"""Clients of a running service, from the stock one down to single frames."""
