"""A file on its way to a printer, as entities: how far it is, and when it will be there."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final, override

from homeassistant.components.sensor import (
    SensorDeviceClass,
    SensorEntity,
    SensorEntityDescription,
)
from homeassistant.const import EntityCategory, UnitOfRatio
from homeassistant.core import callback

from .engine.printer import PrinterStatus
from .engine.upload import UploadState
from .entity import PrinterEntity, PrinterEntityDescription
from .steady import steady_time

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from .coordinator import PrinterCoordinator
    from .engine.upload import Upload
    from .parts import Parts
    from .roster import Row

_LONGEST: Final = 255


class UploadEntity(PrinterEntity):
    """A row of a printer's latest upload. It looks again whenever that moves."""

    @property
    def upload(self) -> Upload | None:
        """The upload under way, else the last one; None when there was none."""
        return self.coordinator.workshop.uploads.current(self.coordinator.printer_id)

    @override
    async def async_added_to_hass(self) -> None:
        """Listen to uploads too."""
        await super().async_added_to_hass()
        self.async_on_remove(self.coordinator.workshop.uploads.subscribe(self._on_upload))

    @callback
    def _on_upload(self, upload: Upload) -> None:
        if upload.printer_id == self.coordinator.printer_id:
            self.show()


def _has_storage(_: PrinterStatus, parts: Parts) -> bool:
    return parts.storage


@dataclass(frozen=True, kw_only=True)
class UploadSensorDescription(PrinterEntityDescription[None], SensorEntityDescription):
    """A row of an upload."""

    value_fn: Callable[[PrinterStatus], None] = lambda _: None
    exists_fn: Callable[[PrinterStatus, Parts], bool] = _has_storage
    upload_fn: Callable[[Upload], Any] = lambda _: None
    named: bool = False
    """Whether it says which file it is."""


UPLOAD_SENSORS: Final = (
    UploadSensorDescription(
        key="upload",
        translation_key="upload",
        device_class=SensorDeviceClass.ENUM,
        options=[state.value for state in UploadState],
        entity_category=EntityCategory.DIAGNOSTIC,
        upload_fn=lambda upload: upload.state.value,
        named=True,
    ),
    UploadSensorDescription(
        key="upload_progress",
        translation_key="upload_progress",
        native_unit_of_measurement=UnitOfRatio.PERCENTAGE,
        entity_category=EntityCategory.DIAGNOSTIC,
        upload_fn=lambda upload: upload.percent,
    ),
)
UPLOAD_END: Final = UploadSensorDescription(
    key="upload_end",
    translation_key="upload_end",
    device_class=SensorDeviceClass.TIMESTAMP,
    entity_category=EntityCategory.DIAGNOSTIC,
)


def upload_sensors(coordinator: PrinterCoordinator) -> Iterator[Row]:
    """Yield the sensors of uploads, for a printer that takes files."""
    status, parts = coordinator.data, coordinator.parts
    for row in UPLOAD_SENSORS:
        if row.exists_fn(status, parts):
            yield row.key, partial(UploadSensor, coordinator, row)
    if UPLOAD_END.exists_fn(status, parts):
        yield UPLOAD_END.key, partial(UploadEndSensor, coordinator, UPLOAD_END)


class UploadSensor(UploadEntity, SensorEntity):
    """One value of the latest upload."""

    _unrecorded_attributes = frozenset({"attempt", "reason"})
    entity_description: UploadSensorDescription
    _attributes: dict[str, Any] | None = None

    @property
    @override
    def native_value(self) -> Any:
        """What was read last."""
        return self.latest

    @property
    @override
    def extra_state_attributes(self) -> dict[str, Any] | None:
        """Which file it is, and what went wrong with it."""
        return self._attributes

    @override
    def read(self) -> Any:
        if (upload := self.upload) is None:
            return None
        if self.entity_description.named:
            self._attributes = {
                "name": upload.name[:_LONGEST],
                "path": upload.path and upload.path[:_LONGEST],
                "size": upload.total_bytes,
                "attempt": upload.attempt,
                "error_key": upload.error_key,
                "reason": upload.reason and upload.reason[:_LONGEST],
            }
        return self.entity_description.upload_fn(upload)

    @override
    def shown(self) -> object:
        return self.latest, self._attributes


class UploadEndSensor(UploadSensor):
    """When the file will be there; when it was over, once it is."""

    latest: datetime | None

    @override
    def read(self) -> datetime | None:
        if (upload := self.upload) is None:
            return None
        if upload.ended_at is not None:
            return upload.ended_at.replace(microsecond=0)
        if upload.state is UploadState.VERIFYING:
            return self.latest
        # Every try begins without an estimate, so that none is held from the one before.
        now = self.coordinator.workshop.clock.now()
        return steady_time(self.latest, None if upload.left is None else now + upload.left)
