"""What browsers fetch over HTTP: behind Home Assistant's login or a link that it signed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from homeassistant.core import callback

from .document import DocumentView
from .export import ExportView
from .job_picture import JobPictureView
from .library import LibraryFileView, LibraryPreviewView
from .library_upload import UploadsView, UploadView
from .printer_files import PrinterFileView, ThumbnailView
from .slicer import SlicerQuestionView, SlicerUploadView
from .snapshot import SnapshotView

if TYPE_CHECKING:
    from homeassistant.core import HomeAssistant


_VIEWS: Final = (
    DocumentView,
    ExportView,
    JobPictureView,
    LibraryFileView,
    LibraryPreviewView,
    PrinterFileView,
    SlicerQuestionView,
    SlicerUploadView,
    SnapshotView,
    ThumbnailView,
    UploadView,
    UploadsView,
)


@callback
def async_register_views(hass: HomeAssistant) -> None:
    """Register all views, whether or not a printer is loaded."""
    for view in _VIEWS:
        hass.http.register_view(view)
