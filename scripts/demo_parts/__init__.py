"""What `scripts/demo` is made of; the kill tests and the load benchmark use its house too."""
