"""Files on our own disk: the shelf they lie on, and the door they come in by."""
