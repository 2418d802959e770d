"""The engine: printers, jobs, ledger and shop, without Home Assistant.

Nothing below this folder imports `homeassistant`; inside it imports are
relative and point down (see `tests/test_architecture.py`).
"""
