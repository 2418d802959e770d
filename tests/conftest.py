"""What every test needs, whether it uses Home Assistant or not."""

from __future__ import annotations

# Before any plugin of Home Assistant's can put its own folder of that name first: otherwise every test of the
# integration ends in "Integration not found". Importing homeassistant also settles who `voluptuous` is.
import custom_components.printernizer  # noqa: F401
