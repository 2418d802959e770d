"""What browsers fetch over HTTP: behind Home Assistant's login or a link that it signed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from homeassistant.core import callback

from .document import DocumentView
from .export import ExportView
from .printer_files import PrinterFileView, ThumbnailView
from .snapshot import SnapshotView

if TYPE_CHECKING:
    from homeassistant.core import HomeAssistant


@callback
def async_register_views(hass: HomeAssistant) -> None:
    """Register all views, whether or not a printer is loaded."""
    for view in (ExportView, DocumentView, PrinterFileView, ThumbnailView, SnapshotView):
        hass.http.register_view(view)
