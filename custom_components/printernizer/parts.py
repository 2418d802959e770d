"""What a printer can do, as far as entities need to know to exist."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .engine.drivers.base import Range, Session


@dataclass(frozen=True, kw_only=True, slots=True)
class Parts:
    """The parts of a session without the session: a snapshot that outlives the line."""

    control: bool = False
    prompt: bool = False
    console: bool = False
    storage: bool = False
    cameras: Mapping[str, bool] = field(default_factory=dict)
    """By name, the main one first: whether it has a stream that Home Assistant can open itself."""
    job_picture: bool = False
    heaters: Mapping[str, Range] = field(default_factory=dict)
    """What may be set, by heater key: "tool_0", "bed", "chamber"."""
    fans: tuple[str, ...] = ()
    """Keys of the fans that may be set."""
    speed_profiles: tuple[str, ...] = ()
    speed_range: tuple[int, int] | None = None
    """Lowest and highest per cent; None where speed has names only, or cannot be set."""
    lights: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    outlets: tuple[str, ...] = ()
    """Sockets that the printer's host switches, by the names it gives them."""
    motion: bool = False
    loader: bool = False
    emergency: bool = False
    maintenance: tuple[str, ...] = ()
    """What the machine's own computers can be asked for, of `MAINTENANCE`."""


def parts_of(session: Session) -> Parts:
    """Take the snapshot of a live session."""
    speed = session.speed
    return Parts(
        control=session.control is not None,
        prompt=session.prompt is not None,
        console=session.console is not None,
        storage=session.storage is not None,
        cameras={
            name: camera.stream_source is not None for name, camera in session.cameras.items()
        },
        job_picture=session.job_picture is not None,
        heaters=dict(session.heaters.ranges) if session.heaters else {},
        fans=tuple(session.fans.keys) if session.fans else (),
        speed_profiles=tuple(speed.profiles) if speed else (),
        speed_range=speed.percent_range if speed else None,
        lights=tuple(session.lights.keys) if session.lights else (),
        options=tuple(session.options.keys) if session.options else (),
        outlets=tuple(session.outlets.keys) if session.outlets else (),
        motion=session.motion is not None and bool(session.motion.axes),
        loader=session.loader is not None,
        emergency=session.emergency is not None,
        maintenance=tuple(session.maintenance.tasks) if session.maintenance else (),
    )
