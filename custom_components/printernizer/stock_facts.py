"""The stock as plain JSON, for actions and events: amounts as numbers, moments as text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .engine.events import LowStock, NotEnough
from .targets import async_device_of

if TYPE_CHECKING:
    from decimal import Decimal

    from homeassistant.core import HomeAssistant

    from .engine.events import StockEvent
    from .engine.material import Material, Movement, Shortage, Spool
    from .engine.workshop.stock import Stock

LOW_STOCK = "low_stock"
NOT_ENOUGH = "not_enough"


def amount(value: Decimal | None) -> float | None:
    """Return a quantity or a price as JSON knows numbers."""
    return None if value is None else float(value)


def material_facts(stock: Stock, material: Material) -> dict[str, Any]:
    """Return a material, with what is left of it."""
    return {
        "id": str(material.id),
        "title": material.title,
        "kind": material.kind,
        "process": material.process.value,
        "brand": material.brand,
        "name": material.name,
        "colour": material.colour,
        "density_g_cm3": amount(material.density_g_cm3),
        "diameter_mm": amount(material.diameter_mm),
        "price": amount(material.price),
        "net_g": amount(material.net_g),
        "nozzle_c": material.nozzle_c,
        "bed_c": material.bed_c,
        "low_g": amount(material.low_g),
        "archived": material.archived,
        "spoolman_id": material.spoolman_id,
        "left_g": amount(stock.left_of(material.id)),
        "low": material in stock.low,
    }


def spool_facts(stock: Stock, spool: Spool) -> dict[str, Any]:
    """Return a spool, with where it hangs."""
    place = stock.place_of(spool.id)
    return {
        "spool": spool.number,
        "label": stock.label(spool),
        "material": str(spool.material_id),
        "remaining_g": amount(spool.remaining_g),
        "weigh_me": spool.weigh_me,
        "net_g": amount(spool.net_g),
        "tare_g": amount(spool.tare_g),
        "price": amount(spool.price),
        "lot": spool.lot,
        "location": spool.location,
        "opened_at": spool.opened_at.isoformat() if spool.opened_at else None,
        "dried_at": spool.dried_at.isoformat() if spool.dried_at else None,
        "tag": spool.tag,
        "archived": spool.archived,
        "spoolman_id": spool.spoolman_id,
        "printer_id": place[0] if place else None,
        "slot": place[1] if place else None,
    }


def movement_facts(stock: Stock, movement: Movement) -> dict[str, Any]:
    """Return an entry of the stock book."""
    return {
        "spool": stock.spools[movement.spool_id].number,
        "kind": movement.kind.value,
        "mass_g": amount(movement.mass_g),
        "at": movement.at.isoformat(),
        "job_id": None if movement.job_id is None else str(movement.job_id),
        "by": movement.by,
        "reason": movement.reason,
    }


def shortage_facts(stock: Stock, shortage: Shortage) -> dict[str, Any]:
    """Return where a spool holds less than a print wants of it."""
    return {
        "slot": shortage.slot,
        "spool": stock.label(shortage.spool),
        "needed_g": amount(shortage.needed_g),
        "left_g": amount(shortage.left_g),
    }


def news(hass: HomeAssistant, stock: Stock, event: StockEvent) -> tuple[str, dict[str, Any]]:
    """Return the kind of a stock event, and what it tells."""
    match event:
        case LowStock():
            return LOW_STOCK, {
                "material": event.material.title,
                "left_g": amount(event.left_g),
                "threshold_g": amount(event.threshold_g),
            }
        case NotEnough():
            device = async_device_of(hass, event.printer_id)
            return NOT_ENOUGH, {
                "device_id": device.id if device else None,
                "printer": (device.name_by_user or device.name) if device else None,
                **shortage_facts(stock, event.shortage),
                "file": event.file,
            }
