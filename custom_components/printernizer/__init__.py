"""3D printers in Home Assistant."""
