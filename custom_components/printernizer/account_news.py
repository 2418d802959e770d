"""What jobs took and cost, on Home Assistant's bus, as soon as it is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from homeassistant.core import callback

from .account_facts import account_facts
from .announce import job_facts
from .const import EVENT_ACCOUNT
from .targets import async_device_of

if TYPE_CHECKING:
    from homeassistant.core import CALLBACK_TYPE, HomeAssistant

    from .engine.account import JobAccount
    from .engine.job import Job
    from .engine.workshop.workshop import Workshop


@callback
def async_announce_accounts(hass: HomeAssistant, workshop: Workshop) -> CALLBACK_TYPE:
    """Announce every account that is reckoned or corrected; returns how to stop.

    One job is told of again when more of it is known: its energy once the printer is cold, its
    file once it could be read. `final` says that nothing better comes by itself.
    """

    @callback
    def tell(job: Job, account: JobAccount) -> None:
        device = async_device_of(hass, job.printer_id)
        hass.bus.async_fire(
            EVENT_ACCOUNT,
            {
                "device_id": device.id if device else None,
                "printer": (device.name_by_user or device.name) if device else None,
                "job": job_facts(job),
                "account": account_facts(account),
                "final": not workshop.accounts.expects(job.id),
            },
        )

    return workshop.accounts.subscribe(tell)
