"""Printers whose line another integration holds, followed through its entities."""
