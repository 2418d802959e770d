"""Keeps what a status alone does not say: asked for when it is new or due, never more."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from ...errors import Garbled, Refused, Unreachable, WrongPrinter
from ...printer import ACTIVE, CurrentJob, PrinterState
from .layout import Layout
from .messages import (
    Context,
    Dialect,
    dialect_of,
    file_path_of,
    identity_of,
    job_id,
    material_of,
    number,
    obj,
    status_of,
    text,
    thumbnail_of,
    whole,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ...printer import PrinterIdentity, PrinterStatus
    from ...workshop.clock import Clock
    from .client import Client
    from .messages import Json

_LOGGER = logging.getLogger(__name__)

VERSION: Final = "/api/version"
INFO: Final = "/api/v1/info"
JOB: Final = "/api/v1/job"
STORAGE: Final = "/api/v1/storage"
TRANSFER: Final = "/api/v1/transfer"
LEGACY: Final = "/api/printer"


class Facts:
    """What is known of one printer on one line."""

    dialect: Dialect
    identity: PrinterIdentity
    layout: Layout

    def __init__(self, client: Client, host: str, serial: str | None, clock: Clock) -> None:
        self._client = client
        self._host = host
        self._serial = serial
        self._clock = clock
        self._context = Context()
        self._picture: tuple[str, str | None] | None = None
        self._transfer: int | None = None
        self._due: dict[str, float] = {}
        self.raw: dict[str, Json] = {}
        """The last answers by what they were about, for diagnostics."""

    async def meet(self) -> None:
        """Learn who answers. Raises WrongPrinter when it is not the one that was meant."""
        version = await self._get("version", VERSION)
        dialect = dialect_of(version)
        if dialect is None:
            raise WrongPrinter(f"no PrusaLink: {text(version, 'text') or 'it does not say'}")
        info = await self._get("info", INFO)
        self.dialect = dialect
        self.identity = identity_of(version, info, host=self._host, url=self._client.url)
        if self._serial is not None and self._serial != self.identity.serial:
            raise WrongPrinter("another printer answers at this address", key="wrong_serial")
        self._serial = self.identity.serial
        if not hasattr(self, "layout"):
            self.layout = Layout(dialect)
        self._context = replace(
            self._context,
            dialect=dialect,
            firmware=self.identity.firmware,
            nozzle_diameter_mm=number(info, "nozzle_diameter")
            or number(version, "nozzle_diameter"),
        )
        self._schedule("meet", self._client.pace.facts_s)

    async def look_at_storage(self) -> None:
        """Learn which storages are there and what room they have."""
        self.layout.learn(await self._get("storage", STORAGE))
        self._context = replace(self._context, storage_present=self.layout.present)
        self._schedule("storage", self._client.pace.storage_s)

    async def status_from(self, raw: Json) -> PrinterStatus:
        """Return the status, after asking for what it newly speaks of."""
        self.raw["status"] = raw
        await self._read_job(raw)
        await self._read_transfer(raw)
        await self._read_what_is_due()
        status = status_of(raw, self._context)
        self._remember(status)
        return status

    def picture_of(self, job: CurrentJob) -> str | None:
        """Return the reference of a job's picture, where the printer named one."""
        return self._picture[1] if self._picture and self._picture[0] == job.id else None

    def _remember(self, status: PrinterStatus) -> None:
        begun = self._context.begun
        if status.job is not None and status.state in ACTIVE - {PrinterState.PREPARING}:
            begun = status.job.id
        self._context = replace(
            self._context,
            job=status.job or self._context.job,
            begun=begun,
            last_state=status.state,
        )

    async def _read_job(self, raw: Json) -> None:
        """Fetch the file of a job that is new, or whose file is not known yet."""
        identity = job_id(raw)
        known = self._context.job
        if identity is None or (known is not None and known.id == identity and known.path):
            return
        if not self._is_due(f"job {identity}") or not (answer := await self._try("job", JOB)):
            return
        if whole(answer, "id") != whole(obj(raw, "job"), "id"):
            return
        # A print from a host has no file: asked for again now and then, not at every look.
        self._due = {key: at for key, at in self._due.items() if not key.startswith("job ")}
        self._schedule(f"job {identity}", self._client.pace.idle_s)
        file = obj(answer, "file")
        path = file_path_of(file, self.layout.names)
        self._picture = (identity, thumbnail_of(file))
        self._context = replace(
            self._context,
            job=CurrentJob(
                id=identity,
                name=text(file, "display_name") or text(file, "name"),
                path=None if path is None else self.layout.shown_path(path),
            ),
        )

    async def _read_transfer(self, raw: Json) -> None:
        """Fetch the name of a file that is new on its way."""
        identity = whole(obj(raw, "transfer"), "id")
        if identity == self._transfer:
            return
        self._transfer = identity
        answer = None if identity is None else await self._try("transfer", TRANSFER)
        name = None if answer is None else text(answer, "display_name")
        self._context = replace(self._context, transfer_name=name)

    async def _read_what_is_due(self) -> None:
        """Ask one of the seldom questions, at most: the next one comes with the next status."""
        due: list[tuple[str, Callable[[], Awaitable[None]], float]] = [
            ("storage", self.look_at_storage, self._client.pace.storage_s),
            ("meet", self.meet, self._client.pace.facts_s),
        ]
        if self.dialect is Dialect.BUDDY:
            due.append(("material", self._read_material, self._client.pace.storage_s))
        for name, ask, every_s in due:
            if self._is_due(name):
                self._schedule(name, every_s)
                try:
                    await ask()
                except (Unreachable, Garbled, Refused) as err:
                    _LOGGER.debug("%s: %s is not known now: %s", self._host, name, err)
                return

    async def _read_material(self) -> None:
        """Only the old interface tells the loaded material, and only in the firmware."""
        material = material_of(await self._get("printer", LEGACY))
        self._context = replace(self._context, material=material)

    async def _try(self, about: str, target: str) -> Json | None:
        try:
            return await self._get(about, target)
        except (Unreachable, Garbled, Refused) as err:
            _LOGGER.debug("%s: %s is not known now: %s", self._host, about, err)
            return None

    async def _get(self, about: str, target: str) -> Json:
        answer = await self._client.get_json(target) or {}
        self.raw[about] = answer
        return answer

    def _is_due(self, name: str) -> bool:
        return self._clock.monotonic() >= self._due.get(name, -1.0)

    def _schedule(self, name: str, seconds: float) -> None:
        self._due[name] = self._clock.monotonic() + seconds
