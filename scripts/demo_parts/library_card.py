"""The library on the demo's dashboard, with nothing but Home Assistant's own cards.

A card cannot ask an action, but an automation can: it asks whenever the library changed, and a
template sensor keeps the answer, from which cards take names, pictures and links. The same is told
to users in `docs/user/library.md`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

SENSOR: Final = "sensor.print_library"
_LISTED: Final = "print_library_listed"
AUTOMATION: Final[Mapping[str, Any]] = {
    "id": "print_library",
    "alias": "Print library",
    # One after the other would list it as often as files change; the last one tells it all.
    "mode": "restart",
    "triggers": [
        {"trigger": "homeassistant", "event": "start"},
        {"trigger": "event", "event_type": "printernizer_library"},
        # The links work for a day.
        {"trigger": "time_pattern", "hours": "/12"},
    ],
    "actions": [
        {"delay": 1},
        {
            "action": "printernizer.list_library",
            "data": {"latest": True, "limit": 12},
            "response_variable": "library",
        },
        {"action": "printernizer.library_statistics", "response_variable": "figures"},
        {
            "event": _LISTED,
            "event_data": {"files": "{{ library.files }}", "count": "{{ figures.files }}"},
        },
    ],
}
YAML: Final = f"""\
template:
  - triggers:
      - trigger: event
        event_type: {_LISTED}
    sensor:
      - name: Print library
        default_entity_id: {SENSOR}
        unique_id: print_library
        icon: mdi:bookshelf
        state: "{{{{ trigger.event.data.count }}}}"
        attributes:
          files: "{{{{ trigger.event.data.files }}}}"
"""
# In one line each: a line that ends breaks the row of pictures.
_PICTURES: Final = f"""\
{{%- for file in state_attr('{SENSOR}', 'files') or [] -%}}
<a href="{{{{ file.url or file.preview }}}}" target="_blank">\
<img src="{{{{ file.preview }}}}" width="96" height="96" title="{{{{ file.name | e }}}}"></a> \
{{%- endfor -%}}
"""
_ROWS: Final = f"""\
{{% for file in state_attr('{SENSOR}', 'files') or [] -%}}
{{% set kilo = (file.size or 0) / 1000 -%}}
| {{{{ '⭐' if file.favourite else '' }}}} \
| {{% if file.url %}}<a href="{{{{ file.url }}}}" target="_blank">{{{{ file.name | e }}}}</a>\
{{% else %}}{{{{ file.name | e }}}}{{% endif %}} \
| {{{{ file.tags | join(', ') | e }}}} \
| {{{{ '%.1f MB' % (kilo / 1000) if kilo >= 100 else '%.1f kB' % kilo }}}} \
| {{{{ file.added_at | as_timestamp | timestamp_custom('DATE') }}}} |
{{% endfor %}}
"""


def library_view(ideas: str | None, words: Mapping[str, str]) -> dict[str, Any]:
    """Return the view. ideas: the shop's to-do list of that name."""
    pictures = [
        _heading(words["newest"], "mdi:bookshelf"),
        _markdown(_PICTURES),
        {"type": "tile", "entity": SENSOR, "name": words["kept"], "grid_options": {"columns": 12}},
    ]
    head = f"| | {words['file']} | {words['tags']} | | |\n|-|-|-|-|-|\n"
    rows = [
        _heading(words["files"], "mdi:file-multiple"),
        _markdown(head + _ROWS.replace("DATE", words["date"])),
    ]
    sections = [{"type": "grid", "cards": pictures}, {"type": "grid", "cards": rows}]
    if ideas is not None:
        board = {"type": "todo-list", "entity": ideas, "grid_options": {"columns": "full"}}
        cards = [_heading(words["ideas"], "mdi:lightbulb-on-outline"), board]
        sections.append({"type": "grid", "cards": cards})
    return {
        "title": words["library"],
        "path": "library",
        "type": "sections",
        "max_columns": 3,
        "sections": sections,
    }


def _heading(text: str, icon: str) -> dict[str, Any]:
    return {"type": "heading", "heading": text, "icon": icon}


def _markdown(content: str) -> dict[str, Any]:
    return {"type": "markdown", "content": content, "grid_options": {"columns": "full"}}
