"""What is to be done in the shop.

Nothing else imports this module: Home Assistant's to-do lists bring the whole frontend with them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, override
from uuid import UUID

from homeassistant.components.todo.const import TodoItemStatus, TodoListEntityFeature
from homeassistant.components.todo.entity import TodoItem, TodoListEntity
from homeassistant.helpers.entity import EntityDescription
from homeassistant.helpers.translation import async_get_cached_translations

from .const import DOMAIN
from .engine.material import TaskKind
from .entity import PARALLEL_COMMANDS
from .ha_errors import told_to_the_user
from .stock_entities import StockEntity

if TYPE_CHECKING:
    from homeassistant.core import HomeAssistant
    from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

    from .runtime import ShopConfigEntry

PARALLEL_UPDATES = PARALLEL_COMMANDS

TASKS: Final = EntityDescription(key="stock_tasks", translation_key="stock_tasks")


async def async_setup_entry(
    hass: HomeAssistant,
    entry: ShopConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the shop's lists."""
    async_add_entities([StockTaskList(entry, TASKS)])


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
