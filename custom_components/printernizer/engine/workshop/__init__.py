"""The running shop: it owns tasks, clocks and the order of events."""
