"""The virtual printer: a machine of rules and a clock, and the reference driver around it."""
