"""What is to be done in the shop.

Nothing else imports this module: Home Assistant's to-do lists bring the whole frontend with them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, override
from uuid import UUID

from homeassistant.components.todo.const import TodoItemStatus, TodoListEntityFeature
from homeassistant.components.todo.entity import TodoItem, TodoListEntity
from homeassistant.core import callback
from homeassistant.helpers.entity import EntityDescription
from homeassistant.helpers.translation import async_get_cached_translations

from .const import DOMAIN
from .engine.idea import IdeaState
from .engine.material import TaskKind
from .engine.web_address import shared
from .engine.workshop.ideas import Wish
from .entity import PARALLEL_COMMANDS
from .ha_errors import told_to_the_user
from .shop_entity import ShopEntity
from .stock_entities import StockEntity

if TYPE_CHECKING:
    from homeassistant.core import HomeAssistant
    from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

    from .engine.idea import Idea, IdeaEvent
    from .runtime import ShopConfigEntry

PARALLEL_UPDATES = PARALLEL_COMMANDS

IDEAS: Final = EntityDescription(key="ideas", translation_key="ideas")
TASKS: Final = EntityDescription(key="stock_tasks", translation_key="stock_tasks")


async def async_setup_entry(
    hass: HomeAssistant,
    entry: ShopConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the shop's lists."""
    async_add_entities([StockTaskList(entry, TASKS), IdeaList(entry, IDEAS)])


class StockTaskList(StockEntity, TodoListEntity):
    """What is to be bought and weighed. Ticking an item off notes that it is under way."""

    _attr_supported_features = TodoListEntityFeature.UPDATE_TODO_ITEM

    @property
    @override
    def todo_items(self) -> list[TodoItem]:
        """What the stock asks for now."""
        texts = async_get_cached_translations(
            self.hass, self.hass.config.language, "common", DOMAIN
        )
        return [
            TodoItem(
                uid=f"{task.kind.value}:{task.subject}",
                summary=texts.get(
                    f"component.{DOMAIN}.common.stock_{task.kind.value}", "{label}"
                ).format(label=task.label[:200], left=f"{task.left_g:.0f}"),
                status=TodoItemStatus.COMPLETED if task.done else TodoItemStatus.NEEDS_ACTION,
            )
            for task in self.stock.tasks
        ]

    @override
    def shown(self) -> object:
        return self.stock.tasks

    @override
    async def async_update_todo_item(self, item: TodoItem) -> None:
        """Tick an item off, or put it back; its text is the stock's own."""
        kind, _, subject = (item.uid or "").partition(":")
        context = self._context
        with told_to_the_user():
            await self.stock.tick(
                TaskKind(kind),
                UUID(subject),
                done=item.status == TodoItemStatus.COMPLETED,
                by=context.user_id if context else None,
            )


class IdeaList(ShopEntity, TodoListEntity):
    """What somebody wants to print one day: the newest ideas, to be written on right here."""

    _attr_supported_features = (
        TodoListEntityFeature.CREATE_TODO_ITEM
        | TodoListEntityFeature.UPDATE_TODO_ITEM
        | TodoListEntityFeature.DELETE_TODO_ITEM
        | TodoListEntityFeature.SET_DESCRIPTION_ON_ITEM
    )

    def __init__(self, entry: ShopConfigEntry, description: EntityDescription) -> None:
        super().__init__(entry, description.key)
        self.entity_description = description

    @override
    async def async_added_to_hass(self) -> None:
        """Listen to the ideas."""
        self.async_on_remove(self.workshop.ideas.subscribe(self._on_event))

    @callback
    def _on_event(self, _: IdeaEvent) -> None:
        self.show()

    @override
    def shown(self) -> object:
        return self.workshop.ideas.board

    @property
    @override
    def todo_items(self) -> list[TodoItem]:
        """What is on the board."""
        return [
            TodoItem(
                uid=str(idea.id),
                summary=idea.title,
                status=TodoItemStatus.COMPLETED if idea.done else TodoItemStatus.NEEDS_ACTION,
                description=_described(idea),
            )
            for idea in self.workshop.ideas.board
        ]

    @override
    async def async_create_todo_item(self, item: TodoItem) -> None:
        """Add an idea: its text may be a title, a link, or both."""
        url, title = shared(item.summary or "")
        below, notes = _parted(item.description)
        with told_to_the_user():
            wish = Wish(url=url or below, title=title or None, notes=notes)
            await self.workshop.ideas.add(wish, by=self._asked_by())

    @override
    async def async_update_todo_item(self, item: TodoItem) -> None:
        """Rename an idea, write beside it, tick it off as printed, or put it back."""
        with told_to_the_user():
            ideas = self.workshop.ideas
            idea = await ideas.get(UUID(item.uid))
            changes: dict[str, Any] = {}
            if item.summary and item.summary != idea.title:
                changes["title"] = item.summary
            if item.description != _described(idea):
                changes["url"], changes["notes"] = _parted(item.description)
            done = item.status == TodoItemStatus.COMPLETED
            if done is not idea.done:
                changes["state"] = IdeaState.PRINTED if done else IdeaState.NEW
            if changes:
                await ideas.change(idea.id, changes)

    @override
    async def async_delete_todo_items(self, uids: list[str]) -> None:
        """Remove ideas."""
        with told_to_the_user():
            for uid in uids:
                await self.workshop.ideas.remove(UUID(uid))

    def _asked_by(self) -> str | None:
        return self._context.user_id if self._context else None


def _described(idea: Idea) -> str | None:
    """Return what stands below an idea: its link on the first line, then its notes."""
    return "\n".join(filter(None, (idea.url, idea.notes))) or None


def _parted(description: str | None) -> tuple[str | None, str]:
    """Return the link and the notes of what stands below an idea."""
    first, _, rest = (description or "").strip().partition("\n")
    url, words = shared(first)
    return (url, rest) if url and not words else (None, description or "")
