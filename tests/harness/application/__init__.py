"""The application in the process of the test."""
