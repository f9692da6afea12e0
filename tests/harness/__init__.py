"""The real things that the tests run against: servers, processes, the stock JavaScript client."""
