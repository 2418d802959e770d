"""What Prusa's machines are called.

Two codes are met: three numbers in `/api/version` of newer firmware (the numbering of Prusa
Connect; source: the table of printer models in Prusa-Firmware-Buddy, 2025), and words in the
`original` field of the Raspberry Pi daemon. An unknown code stays visible as it is.
"""

from __future__ import annotations

from typing import Final

MODELS: Final = {
    "1.3.0": "MK3",
    "1.3.1": "MK3S",
    "1.3.5": "MK3.5",
    "1.3.6": "MK3.5S",
    "1.3.9": "MK3.9",
    "1.3.10": "MK3.9S",
    "1.4.0": "MK4",
    "1.4.1": "MK4S",
    "2.1.0": "MINI",
    "3.1.0": "XL",
    "4.1.0": "iX",
    "5.1.0": "XL",
    "7.1.0": "CORE One",
    "I3MK25": "MK2.5",
    "I3MK25S": "MK2.5S",
    "I3MK3": "MK3",
    "I3MK3S": "MK3S",
}


def model_name(code: str) -> str:
    """Return what people call the machine with this code, or the code itself."""
    return MODELS.get(code, code)
