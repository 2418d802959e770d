"""Ideas in Home Assistant: actions, the to-do list, news on the bus."""

from __future__ import annotations

from typing import Any

import homeassistant.helpers.entity_registry as er
import pytest
import voluptuous as vol
from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import ServiceValidationError
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.common import MockUser

from custom_components.printernizer.const import DOMAIN, EVENT_IDEA, SHOP_ID
from custom_components.printernizer.idea_actions import IDEA_ACTIONS, LONGEST_SHARED
from custom_components.printernizer.shop_services import shop_schema_of
from tests.shop_floor import Floor, floor  # noqa: F401 - fixtures

URL = "https://www.printables.com/model/1-cute-dragon"


async def call(
    hass: HomeAssistant, action: str, *, context: Context | None = None, **data: Any
) -> Any:
    answer = await hass.services.async_call(
        DOMAIN, action, data, blocking=True, return_response=True, context=context
    )
    await hass.async_block_till_done()
    return answer


async def test_a_link_from_a_share_sheet_becomes_an_idea(hass: HomeAssistant, floor: Floor) -> None:
    """Two taps on the phone: what the app shares is a sentence with a link in it."""
    await floor.add()
    heard = floor.hear(EVENT_IDEA)
    user = MockUser(is_owner=False).add_to_hass(hass)
    text = f"Look at this!\n{URL}?utm_source=app"
    shared = Context(user_id=user.id)
    answer = await call(hass, "add_idea", context=shared, url=text, tags=["gift"], pieces=2)
    idea = answer["idea"]
    assert not answer["known"]
    assert (idea["title"], idea["url"], idea["site"], idea["by"]) == (
        "Look at this!",
        URL,
        "printables",
        user.id,
    )
    assert (idea["state"], idea["tags"], idea["pieces"]) == ("new", ["gift"], 2)
    again = await call(hass, "add_idea", url=URL)
    assert (again["known"], again["idea"]) == (True, idea)
    assert heard.kinds == ["added", "changed"]
    told = heard.events[0].data["idea"]
    assert told["url"] == URL
    assert not {"notes", "by"} & set(told)


async def test_ideas_are_listed_changed_and_removed(hass: HomeAssistant, floor: Floor) -> None:
    await floor.add()
    for number in range(3):
        await call(hass, "add_idea", title=f"vase {number}", notes="for Anna", tags="deko")
    await call(hass, "add_idea", url=URL, material="PETG")
    page = await call(hass, "list_ideas", tag="DEKO", text="anna", state="new", limit=2)
    assert [idea["title"] for idea in page["ideas"]] == ["vase 2", "vase 1"]
    rest = await call(hass, "list_ideas", tag="deko", limit=2, after=page["next"])
    assert ([idea["title"] for idea in rest["ideas"]], rest["next"]) == (["vase 0"], None)
    (dragon,) = (await call(hass, "list_ideas", site="printables"))["ideas"]
    changed = await call(
        hass, "change_idea", idea=dragon["id"], state="dropped", material=None, notes="a\nb"
    )
    assert changed["idea"] == dragon | {
        "state": "dropped",
        "material": None,
        "notes": "a\nb",
        "changed_at": changed["idea"]["changed_at"],
    }
    removed = await call(hass, "remove_idea", idea=dragon["id"])
    assert removed == changed
    assert (await call(hass, "list_ideas", state=["dropped", "printed"]))["ideas"] == []


@pytest.mark.parametrize(
    ("action", "data", "key"),
    [
        ("add_idea", {"url": "javascript:alert(1)"}, "bad_url"),
        ("add_idea", {"url": "file:///etc/passwd"}, "bad_url"),
        ("add_idea", {"title": "\u202e"}, "idea_unnamed"),
        ("remove_idea", {"idea": "00000000-0000-0000-0000-000000000001"}, "no_idea"),
    ],
    ids=range(4),
)
async def test_a_refusal_says_why(
    hass: HomeAssistant, floor: Floor, action: str, data: dict[str, Any], key: str
) -> None:
    await floor.add()
    with pytest.raises(ServiceValidationError) as refusal:
        await call(hass, action, **data)
    assert refusal.value.translation_key == key


@pytest.mark.parametrize(
    ("action", "data"),
    [
        ("add_idea", {}),
        ("add_idea", {"url": "", "notes": "x"}),
        ("add_idea", {"url": "x" * (LONGEST_SHARED + 1)}),
        ("add_idea", {"title": "x", "tags": ["a\nb"]}),
        ("add_idea", {"title": "x", "pieces": 0}),
        ("change_idea", {"idea": "the dragon"}),
        ("change_idea", {"idea": "00000000-0000-0000-0000-000000000001", "state": "lost"}),
        ("list_ideas", {"limit": 501}),
    ],
    ids=range(8),
)
def test_what_cannot_be_meant_is_refused(action: str, data: dict[str, Any]) -> None:
    with pytest.raises(vol.Invalid):
        shop_schema_of(IDEA_ACTIONS[action])(data)


async def test_ideas_are_a_to_do_list(hass: HomeAssistant, floor: Floor) -> None:
    """On the dashboard of the workshop, where nobody calls actions."""
    assert await async_setup_component(hass, "todo", {})
    await floor.add()
    listed = er.async_get(hass).async_get_entity_id("todo", DOMAIN, f"{SHOP_ID}_ideas")
    assert listed is not None

    async def do(action: str, **data: Any) -> None:
        target = {"entity_id": listed}
        await hass.services.async_call("todo", action, target | data, blocking=True)
        await hass.async_block_till_done()

    async def items() -> list[tuple[Any, ...]]:
        answer: Any = await hass.services.async_call(
            "todo", "get_items", {"entity_id": listed}, blocking=True, return_response=True
        )
        return [
            (item["summary"], item["status"], item.get("description"))
            for item in answer[listed]["items"]
        ]

    await do("add_item", item=URL)
    await do("add_item", item="vase", description="https://example.org/vase\nin blue")
    await do("add_item", item="lamp")
    assert await items() == [
        ("lamp", "needs_action", None),
        ("vase", "needs_action", "https://example.org/vase\nin blue"),
        ("cute dragon", "needs_action", URL),
    ]
    shown = hass.states.get(listed)
    assert shown is not None
    assert shown.state == "3"
    await do("update_item", item="lamp", rename="lamp for Anna", description="which one?")
    await do("update_item", item="vase", status="completed")
    await do("update_item", item="cute dragon", description="no link any more")
    assert await items() == [
        ("lamp for Anna", "needs_action", "which one?"),
        ("cute dragon", "needs_action", "no link any more"),
        ("vase", "completed", "https://example.org/vase\nin blue"),
    ]
    ideas = (await call(hass, "list_ideas"))["ideas"]
    assert [(idea["state"], idea["url"]) for idea in ideas] == [
        ("new", None),
        ("printed", "https://example.org/vase"),
        ("new", None),
    ]
    await do("update_item", item="vase", status="needs_action")
    await do("update_item", item="vase", rename="vase")
    assert {state for _, state, _ in await items()} == {"needs_action"}
    await do("remove_item", item=["vase", "lamp for Anna"])
    assert [summary for summary, _, _ in await items()] == ["cute dragon"]
    with pytest.raises(ServiceValidationError):
        await do("update_item", item="cute dragon", description="https://[broken")
    assert [summary for summary, _, _ in await items()] == ["cute dragon"]
