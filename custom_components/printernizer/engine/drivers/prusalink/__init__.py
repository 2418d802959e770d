"""PrusaLink: Prusa's own HTTP interface, in the firmware (Buddy) or on a Raspberry Pi."""
