"""The journal of a database that is copied from another."""

# A copy has a journal of its own: services on several databases share the Redis of the tests.
RENAME_JOURNAL = "UPDATE ordercast_head SET journal = %s"
