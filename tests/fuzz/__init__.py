"""What runs for as long as one likes: python -m tests.fuzz.<name> [seconds]."""
