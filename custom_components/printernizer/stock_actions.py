"""Actions on the stock: materials, spools, scales and slots."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from uuid import UUID, uuid4

import voluptuous as vol
from homeassistant.auth.permissions.const import CAT_ENTITIES, POLICY_CONTROL
from homeassistant.const import ATTR_DEVICE_ID
from homeassistant.core import SupportsResponse
from homeassistant.exceptions import Unauthorized
from homeassistant.helpers import config_validation as cv

from .engine.errors import NotAllowed
from .engine.material import Material, Spool
from .engine.shop import Process
from .fields import SLOT
from .permissions import async_denied
from .shop_action import ShopAction
from .stock_facts import material_facts, movement_facts, spool_facts
from .stock_fields import (
    KIND,
    MASS,
    MATERIAL_FIELDS,
    NET,
    NUMBER,
    PROCESS,
    REASON,
    SIGNED,
    SPOOL_FIELDS,
    clearable,
    word,
)
from .targets import async_place_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

    from .action import Facts
    from .engine.workshop.stock import Stock
    from .shop_action import ShopRequest

_MATERIAL: Final = vol.Required("material")
_SPOOL: Final = vol.Required("spool")


def _optional(fields: Mapping[str, Any]) -> dict[Any, Any]:
    return {vol.Optional(key): read for key, read in fields.items()}


def _clearable(fields: Mapping[str, Any]) -> dict[Any, Any]:
    return {vol.Optional(key): clearable(read) for key, read in fields.items()}


def _meant(stock: Stock, text: str) -> Material:
    """Return the material with this id, or with this title if it is the only one.

    Raises NotAllowed.
    """
    for material in stock.materials.values():
        if str(material.id) == text:
            return material
    titled = [
        material
        for material in stock.materials.values()
        if material.title.casefold() == text.casefold() and not material.archived
    ]
    if len(titled) != 1:
        raise NotAllowed(f"{len(titled)} materials are called so", key="material_unknown")
    return titled[0]


async def _add_material(request: ShopRequest) -> Facts:
    stock = request.shop.stock
    added = await stock.add_material(Material(id=uuid4(), **request.data))
    return {"material": material_facts(stock, added)}


async def _change_material(request: ShopRequest) -> Facts:
    stock = request.shop.stock
    changes = dict(request.data)
    material = _meant(stock, changes.pop("material"))
    changed = await stock.change_material(material.id, changes)
    return {"material": material_facts(stock, changed)}


async def _add_spool(request: ShopRequest) -> Facts:
    stock = request.shop.stock
    data = dict(request.data)
    material = _meant(stock, data.pop("material"))
    left_g: Decimal | None = data.pop("left_g", None)
    net_g: Decimal | None = data.pop("net_g", material.net_g)
    if net_g is None:
        raise NotAllowed("what a new spool holds is not known", key="no_net")
    spool = Spool(id=uuid4(), material_id=material.id, number=0, net_g=net_g, **data)
    added = await stock.add_spool(spool, left_g=left_g, by=request.by)
    return {"spool": spool_facts(stock, added)}


async def _change_spool(request: ShopRequest) -> Facts:
    stock = request.shop.stock
    changes = dict(request.data)
    spool = stock.numbered(changes.pop("spool"))
    if "material" in changes:
        changes["material_id"] = _meant(stock, changes.pop("material")).id
    changed = await stock.change_spool(spool.id, changes, by=request.by)
    return {"spool": spool_facts(stock, changed)}


async def _hang_spool(request: ShopRequest) -> Facts:
    stock = request.shop.stock
    device_id = request.data[ATTR_DEVICE_ID]
    coordinator, slot = async_place_of(request.hass, device_id, request.data.get("slot"))
    await _check_control(request, coordinator.config_entry.entry_id)
    number: int | None = request.data.get("spool")
    spool = None if number is None else stock.numbered(number)
    printer = coordinator.printer_id
    if slot is None:
        places = stock.slots(printer)
        if len(places) != 1:
            raise NotAllowed(", ".join(places), key="slot_ambiguous")
        (slot,) = places
    elif slot not in stock.slots(printer):
        raise NotAllowed(f"it has no slot {slot}", key="slot_missing")
    await stock.hang(printer, slot, None if spool is None else spool.id, by=request.by)
    return {"printer_id": printer, "slot": slot, "spool": number}


async def _check_control(request: ShopRequest, entry_id: str) -> None:
    """Let a person change spools of printers that they may control. Raises Unauthorized."""
    user = await request.hass.auth.async_get_user(request.by) if request.by else None
    if user is None:
        return
    if entity_id := async_denied(request.hass, user, entry_id, POLICY_CONTROL):
        raise Unauthorized(
            user_id=user.id,
            entity_id=entity_id,
            permission=POLICY_CONTROL,
            perm_category=CAT_ENTITIES,
        )


async def _weigh_spool(request: ShopRequest) -> Facts:
    stock = request.shop.stock
    weights: dict[str, Any] = dict(request.data)
    spool = stock.numbered(weights.pop("spool"))
    movement = await stock.weigh(spool.id, by=request.by, **weights)
    return {
        "movement": movement_facts(stock, movement),
        "spool": spool_facts(stock, stock.spools[spool.id]),
    }


async def _adjust_stock(request: ShopRequest) -> Facts:
    stock = request.shop.stock
    spool = stock.numbered(request.data["spool"])
    movement = await stock.adjust(
        spool.id, request.data["mass_g"], reason=request.data["reason"], by=request.by
    )
    return {
        "movement": movement_facts(stock, movement),
        "spool": spool_facts(stock, stock.spools[spool.id]),
    }


async def _list_stock(request: ShopRequest) -> Facts:
    stock, archived = request.shop.stock, request.data["archived"]
    return {
        "materials": [
            material_facts(stock, each)
            for each in stock.materials.values()
            if archived or not each.archived
        ],
        "spools": [
            spool_facts(stock, each)
            for each in stock.spools.values()
            if archived or not each.archived
        ],
    }


async def _list_movements(request: ShopRequest) -> Facts:
    stock = request.shop.stock
    number: int | None = request.data.get("spool")
    spool_id: UUID | None = None if number is None else stock.numbered(number).id
    entries = await stock.movements(spool_id=spool_id, limit=request.data["limit"])
    return {"movements": [movement_facts(stock, entry) for entry in entries]}


async def _import_spoolman(request: ShopRequest) -> Facts:
    taken = await request.shop.spoolman.bring_over(request.data.get("url"))
    return {
        "materials_added": taken.materials_added,
        "materials_changed": taken.materials_changed,
        "spools_added": taken.spools_added,
        "spools_changed": taken.spools_changed,
        "weights_changed": taken.weights_changed,
        "skipped": taken.skipped,
    }


_LIMIT: Final = vol.All(vol.Coerce(int), vol.Range(1, 1000))

STOCK_ACTIONS: Final[Mapping[str, ShopAction]] = {
    "add_material": ShopAction(
        deed=_add_material,
        fields={
            vol.Required("kind"): KIND,
            vol.Optional("process", default=Process.FILAMENT): PROCESS,
            **_optional(MATERIAL_FIELDS),
        },
    ),
    "change_material": ShopAction(
        deed=_change_material,
        fields={
            _MATERIAL: word(200),
            vol.Optional("kind"): KIND,
            vol.Optional("process"): PROCESS,
            vol.Optional("archived"): cv.boolean,
            **_clearable(MATERIAL_FIELDS),
        },
    ),
    "add_spool": ShopAction(
        deed=_add_spool,
        fields={
            _MATERIAL: word(200),
            vol.Optional("net_g"): NET,
            vol.Optional("left_g"): MASS,
            **_optional(SPOOL_FIELDS),
        },
    ),
    "change_spool": ShopAction(
        deed=_change_spool,
        fields={
            _SPOOL: NUMBER,
            vol.Optional("material"): word(200),
            vol.Optional("net_g"): NET,
            vol.Optional("archived"): cv.boolean,
            **_clearable(SPOOL_FIELDS),
        },
    ),
    "hang_spool": ShopAction(
        deed=_hang_spool,
        fields={
            vol.Required(ATTR_DEVICE_ID): cv.string,
            vol.Optional("slot"): SLOT,
            vol.Optional("spool"): NUMBER,
        },
        admin=False,
    ),
    "weigh_spool": ShopAction(
        deed=_weigh_spool,
        fields={
            _SPOOL: NUMBER,
            vol.Exclusive("gross_g", "weight"): MASS,
            vol.Exclusive("net_g", "weight"): MASS,
            vol.Optional("reason"): REASON,
        },
        admin=False,
    ),
    "adjust_stock": ShopAction(
        deed=_adjust_stock,
        fields={
            _SPOOL: NUMBER,
            vol.Required("mass_g"): SIGNED,
            vol.Required("reason"): REASON,
        },
    ),
    "list_stock": ShopAction(
        deed=_list_stock,
        fields={vol.Optional("archived", default=False): cv.boolean},
        response=SupportsResponse.ONLY,
    ),
    "list_stock_movements": ShopAction(
        deed=_list_movements,
        fields={vol.Optional("spool"): NUMBER, vol.Optional("limit", default=100): _LIMIT},
        response=SupportsResponse.ONLY,
    ),
    "import_spoolman": ShopAction(deed=_import_spoolman, fields={vol.Optional("url"): word(500)}),
}
