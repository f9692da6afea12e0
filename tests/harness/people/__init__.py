"""Users with their tokens. alice buys, bob sells, charlie is a stranger."""
