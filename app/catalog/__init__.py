"""The sellers' products and their stock."""
