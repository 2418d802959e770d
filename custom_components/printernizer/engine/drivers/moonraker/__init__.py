"""Moonraker, the web server of Klipper, over one WebSocket and HTTP for its files."""
