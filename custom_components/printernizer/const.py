"""Names that Home Assistant knows us by."""

from __future__ import annotations

from typing import Final

from homeassistant.const import Platform

DOMAIN: Final = "printernizer"

PLATFORMS: Final = (
    Platform.BINARY_SENSOR,
    Platform.BUTTON,
    Platform.CAMERA,
    Platform.EVENT,
    Platform.FAN,
    Platform.IMAGE,
    Platform.LIGHT,
    Platform.NUMBER,
    Platform.SELECT,
    Platform.SENSOR,
    Platform.SWITCH,
    Platform.UPDATE,
)
"""What a printer entry consists of."""

SHOP_PLATFORMS: Final = (
    Platform.BINARY_SENSOR,
    Platform.EVENT,
    Platform.SENSOR,
    Platform.TODO,
)
"""What the shop's own entry consists of."""

CONF_KIND: Final = "kind"
"""A `PrinterKind`, or `KIND_SHOP`."""
CONF_SERIAL: Final = "serial"
CONF_ACCESS_CODE: Final = "access_code"
CONF_FINGERPRINT: Final = "fingerprint"
CONF_LOGIN: Final = "login"
CONF_SPEED: Final = "speed"
CONF_CAMERA_ENTITY: Final = "camera_entity"
"""In a printer's options: a camera of the house that is shown instead of the printer's own."""
CONF_ENERGY: Final = "energy"
"""How a printer's energy is known; a section of its options."""
CONF_MACHINE: Final = "machine"
"""What a printer's hour costs; a section of its options."""
CONF_DATABASE_URL: Final = "database_url"

CONF_SENDERS: Final = "senders"
"""In the shop's options: slicers that may send files, with the hashes of their keys."""

KIND_SHOP: Final = "shop"
SHOP_ID: Final = "shop"
"""Unique id of the one entry that holds the shop's own settings."""
SHOP_TITLE: Final = "Printernizer"

LEDGER_FILE: Final = "printernizer/ledger.db"
LIBRARY_FOLDER: Final = "printernizer/library"
"""Below the configuration folder, so that Home Assistant's backup carries it."""

SNAPSHOT_FOLDER: Final = "printernizer/snapshots"
"""Below the configuration folder: the last picture of every job."""

EVENT_SNAPSHOT: Final = "printernizer_snapshot"
"""On the bus: a job's last picture was kept."""
EVENT_JOB: Final = "printernizer_job"
"""On the bus: something that happened to a job, live and durable."""
EVENT_UPLOAD: Final = "printernizer_upload"
"""On the bus: a file on its way to a printer has started, arrived, failed or been called off."""
EVENT_UPLOAD_PROGRESS: Final = "printernizer_upload_progress"
"""On the bus: how far it is, every ten per cent. Of its own, so that the logbook is spared it."""
EVENT_STOCK: Final = "printernizer_stock"
"""On the bus: a material ran low, or spools are not enough for a print."""
EVENT_DOCUMENT: Final = "printernizer_document"
"""On the bus: a quote or an invoice was issued, cancelled or paid. Names no person."""
EVENT_IDEA: Final = "printernizer_idea"
"""On the bus: an idea was added, changed or removed, or a print of it began or is complete."""
EVENT_ACCOUNT: Final = "printernizer_account"
"""On the bus: what an ended job took and cost is known, or known better."""
EVENT_FETCHED: Final = "printernizer_fetched"
"""On the bus: a file of a printer came into the library, or did not."""
EVENT_LIBRARY: Final = "printernizer_library"
"""On the bus: files came into the library, changed, or went."""
EVENT_RECEIVED: Final = "printernizer_received"
"""On the bus: a slicer sent a file."""
