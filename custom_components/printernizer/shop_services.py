"""Actions of the shop: how they are registered and carried out."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import voluptuous as vol
from homeassistant.core import callback
from homeassistant.exceptions import Unauthorized, UnknownUser

from .const import DOMAIN
from .ha_errors import told_to_the_user
from .runtime import async_get_workshop
from .shop_action import ShopRequest
from .shop_actions import SHOP_ACTIONS

if TYPE_CHECKING:
    from homeassistant.core import HomeAssistant, ServiceCall, ServiceResponse

    from .shop_action import ShopAction


def shop_schema_of(action: ShopAction) -> vol.Schema | vol.All:
    """Return what a call of this action looks like."""
    schema = vol.Schema(dict(action.fields))
    return schema if action.check is None else vol.All(schema, action.check)


@callback
def async_setup_shop_services(hass: HomeAssistant) -> None:
    """Register all actions of the shop, whether or not it is open."""
    for name, action in SHOP_ACTIONS.items():
        hass.services.async_register(
            DOMAIN,
            name,
            functools.partial(_run, action),
            schema=shop_schema_of(action),
            supports_response=action.response,
        )


async def _run(action: ShopAction, call: ServiceCall) -> ServiceResponse:
    await _check_permission(action, call)
    with told_to_the_user():
        request = ShopRequest(
            hass=call.hass,
            shop=async_get_workshop(call.hass),
            data=call.data,
            by=call.context.user_id,
        )
        facts = await action.deed(request)
    return facts if call.return_response else None


async def _check_permission(action: ShopAction, call: ServiceCall) -> None:
    """Let through automations and administrators. Raises Unauthorized or UnknownUser."""
    if not action.admin or (user_id := call.context.user_id) is None:
        return
    user = await call.hass.auth.async_get_user(user_id)
    if user is None:
        raise UnknownUser(context=call.context, user_id=user_id)
    if not user.is_admin:
        raise Unauthorized(context=call.context, user_id=user_id)
