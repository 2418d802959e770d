"""Spoolman: a server for filament stock that many Klipper users have."""
