"""What the project promises, measured; `docs/developer/performance.md` says how to run it."""
