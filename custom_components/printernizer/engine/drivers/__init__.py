"""How to speak to printers: one folder per protocol behind one contract (`base.py`)."""
