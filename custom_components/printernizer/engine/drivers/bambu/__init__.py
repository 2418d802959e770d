"""Bambu Lab printers on the local network: MQTT, FTPS, camera and announcements."""
