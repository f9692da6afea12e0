"""What administrators see of the running service, and do to it. Accounts: app/accounts."""
