"""What a followed printer can do: as much as its source has entities and actions for."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from ..engine.drivers.base import PrintObject
from ..engine.errors import Refused
from ..engine.printer import PrinterState
from .control import FollowedControl
from .dials import FollowedFans, FollowedHeaters, FollowedOutlets, FollowedSpeed, FollowedSwitches
from .hands import Hands
from .pictures import FollowedCamera, FollowedPicture

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .session import FollowedSession


def fit_parts(session: FollowedSession) -> None:
    """Give a session the parts that its source has something for, now."""
    bindings = session.watch.bindings
    hands = Hands(session)
    if {"button_pause", "button_resume", "button_cancel"} <= bindings.present.keys():
        session.control = FollowedControl(hands)
    if "button_stop" in bindings.present:
        session.emergency = FollowedEmergency(hands)
    session.cameras = MappingProxyType(
        {rest: FollowedCamera(hands, key) for key, rest, _ in bindings.beginning("camera_")}
    )
    if "picture" in bindings.present:
        session.job_picture = FollowedPicture(hands)
    _fit_dials(session, hands)
    _fit_services(session, hands)


def _fit_dials(session: FollowedSession, hands: Hands) -> None:
    bindings = session.watch.bindings

    def rests(prefix: str) -> tuple[str, ...]:
        return tuple(rest for _, rest, _ in bindings.beginning(prefix))

    if heaters := rests("heater_"):
        session.heaters = FollowedHeaters(hands, heaters)
    if fans := rests("set_fan_"):
        session.fans = FollowedFans(hands, fans)
    if "set_profile" in bindings.present or "set_speed" in bindings.present:
        session.speed = FollowedSpeed(hands)
    if lights := rests("light_"):
        session.lights = FollowedSwitches(hands, "light_", lights)
    if outlets := rests("outlet_"):
        session.outlets = FollowedOutlets(hands, "outlet_", outlets)


def _fit_services(session: FollowedSession, hands: Hands) -> None:
    present, services = session.watch.bindings.present, session.source.services
    if services.gcode is not None:
        session.console = FollowedConsole(hands, services.gcode, services.gcode_field)
    if services.skip is not None and "objects" in present:
        session.objects = FollowedObjects(hands, services.skip)
    homes = tuple(axis for axis in ("x", "y", "z") if f"home_{axis}" in present)
    if services.move is not None:
        session.motion = FollowedMotion(hands, ("x", "y", "z"), services.move)
    elif homes and services.gcode is not None:
        session.motion = FollowedMotion(hands, homes, None)


class FollowedConsole:
    """G-code, by the source's own action."""

    def __init__(self, hands: Hands, action: str, field: str) -> None:
        self._hands = hands
        self._action = action
        self._field = field

    async def send(self, gcode: str) -> None:
        """Run lines of G-code."""
        await self._hands.device(self._action, **{self._field: gcode})


class FollowedObjects:
    """Objects of the running job, which the source keeps in attributes."""

    def __init__(self, hands: Hands, action: str) -> None:
        self._hands = hands
        self._action = action

    async def list(self) -> tuple[PrintObject, ...]:
        """Return the objects of the running job."""
        skipped = self._skipped()
        return tuple(
            PrintObject(id=number, name=name, skipped=number in skipped)
            for number, name in self._named().items()
        )

    async def skip(self, ids: Sequence[str]) -> None:
        """Leave objects out."""
        if not self._hands.session.present().active:
            raise Refused("nothing is being printed", key="no_job")
        named, gone = self._named(), self._skipped() | set(ids)
        if missing := set(ids) - named.keys():
            raise Refused(f"it prints no {', '.join(sorted(missing))}", key="object_missing")
        if gone >= named.keys():
            raise Refused("nothing would be left to print", key="last_object")
        await self._hands.device(self._action, objects=",".join(sorted(gone)))
        await self._hands.until(lambda: self._skipped() >= gone)

    def _named(self) -> dict[str, str]:
        found = self._hands.session.readings.attribute("objects", "objects")
        return {str(k): str(v) for k, v in found.items()} if isinstance(found, dict) else {}

    def _skipped(self) -> set[str]:
        found = self._hands.session.readings.attribute("skipped", "objects")
        return {str(one) for one in found} if isinstance(found, list | tuple) else set()


class FollowedEmergency:
    """Stops everything, by the source's button."""

    def __init__(self, hands: Hands) -> None:
        self._hands = hands

    async def stop(self) -> None:
        """Stop now."""
        await self._hands.entity("button_stop", "press")


class FollowedMotion:
    """Moves the head by hand, as far as the source can say it."""

    def __init__(self, hands: Hands, axes: tuple[str, ...], action: str | None) -> None:
        self._hands = hands
        self.axes = axes
        self._action = action

    async def home(self, axes: Sequence[str] = ()) -> None:
        """Find the origin of these axes; of all without any."""
        self._refuse_while_busy(axes)
        if self._action is not None:
            if axes and set(axes) != set(self.axes):
                raise Refused("it homes all axes at once", key="not_supported")
            await self._hands.device(self._action, axis="Home", distance=10)
        elif not axes:
            await self._hands.entity("home_", "press")
        else:
            for axis in axes:
                await self._hands.entity(f"home_{axis}", "press")

    async def move(
        self, distances: Mapping[str, float], *, speed_mm_s: float | None = None
    ) -> None:
        """Move by millimetres."""
        self._refuse_while_busy(tuple(distances))
        if self._action is None:
            lines = [
                f"G1 {axis.upper()}{distance:.3f}"
                + (f" F{speed_mm_s * 60:.0f}" if speed_mm_s is not None else "")
                for axis, distance in distances.items()
            ]
            services = self._hands.session.source.services
            assert services.gcode is not None
            script = "\n".join(("SAVE_GCODE_STATE NAME=by_hand", "G91", *lines))
            script += "\nRESTORE_GCODE_STATE NAME=by_hand"
            await self._hands.device(services.gcode, **{services.gcode_field: script})
            return
        if speed_mm_s is not None or any(
            distance != int(distance) or not 0 < abs(distance) <= 100
            for distance in distances.values()
        ):
            raise Refused(
                "whole millimetres up to 100, at the printer's own speed", key="out_of_range"
            )
        for axis, distance in distances.items():
            await self._hands.device(self._action, axis=axis.upper(), distance=int(distance))

    def _refuse_while_busy(self, axes: Sequence[str]) -> None:
        if unknown := set(axes) - set(self.axes):
            raise Refused(f"it has no axis {', '.join(sorted(unknown))}", key="out_of_range")
        status = self._hands.session.present()
        if status.active or status.state is PrinterState.BUSY:
            raise Refused("it is in the middle of something", key="printer_busy")
