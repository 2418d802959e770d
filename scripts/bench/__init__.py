"""Measurements of what the project promises; `docs/developer/performance.md` says how to run them."""
