"""Messages for one user: kept for the list, announced as `notification`."""
