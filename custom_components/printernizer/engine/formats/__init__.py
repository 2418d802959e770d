"""Bytes in, values out: readers of what slicers write. Every byte comes from a stranger."""
