"""Watched folders in the shop's options."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType

from custom_components.printernizer.const import LIBRARY_FOLDER
from custom_components.printernizer.engine.file import FileKind
from custom_components.printernizer.engine.watched_folder import WatchedFolder
from custom_components.printernizer.runtime import async_get_workshop, async_shop_entry
from custom_components.printernizer.shop_settings import shop_settings
from tests.shop_floor import Floor, floor  # noqa: F401 - fixtures


@pytest.fixture
def share(hass: HomeAssistant, tmp_path: Path) -> Path:
    """A folder that Home Assistant may read."""
    share = tmp_path.resolve() / "share"
    share.mkdir()
    hass.config.allowlist_external_dirs = {str(share)}
    hass.config.media_dirs = {}
    return share


async def say(hass: HomeAssistant, *folders: dict[str, Any]) -> Any:
    """Fill in the section."""
    entry = async_shop_entry(hass)
    assert entry is not None
    flow = await hass.config_entries.options.async_init(entry.entry_id)
    asked = await hass.config_entries.options.async_configure(
        flow["flow_id"], {"next_step_id": "watched"}
    )
    answer = await hass.config_entries.options.async_configure(
        asked["flow_id"], {"folders": list(folders)}
    )
    await hass.async_block_till_done()
    return answer


async def test_a_folder_is_watched_from_now_on(
    hass: HomeAssistant, floor: Floor, share: Path
) -> None:
    """Whoever names a folder expects its files in the library without a restart."""
    await floor.add()
    answer = await say(hass, {"path": f" {share} ", "tag": "in", "kinds": ["stl"]})
    assert answer["type"] is FlowResultType.CREATE_ENTRY
    shop = async_get_workshop(hass).settings.shop
    kinds = frozenset({FileKind.STL})
    assert shop.watched == (WatchedFolder(path=share, tag="in", kinds=kinds),)


@pytest.mark.parametrize(
    ("named", "error"),
    [
        (["/etc"], "folder_not_allowed"),
        (["share"], "folder_not_allowed"),
        (["{share}/../other"], "folder_not_allowed"),
        (["{share}/missing"], "folder_missing"),
        (["{share}/link"], "folder_missing"),
        (["{share}/file"], "folder_missing"),
        (["{share}", "{share}"], "folder_twice"),
    ],
    ids=range(7),
)
async def test_a_folder_that_may_not_be_watched_is_refused(
    hass: HomeAssistant, floor: Floor, share: Path, named: list[str], error: str
) -> None:
    """Whoever may change options must not read the whole disk by it."""
    await floor.add()
    (share / "link").symlink_to("/etc")
    (share / "file").write_text("x")
    answer = await say(hass, *({"path": each.format(share=share)} for each in named))
    assert answer["type"] is FlowResultType.FORM
    assert answer["errors"] == {"folders": error}


@pytest.mark.parametrize("label", [{"tag": "\u202e"}, {"collection": "\u202e"}], ids=["tag", "set"])
async def test_a_label_that_cannot_be_is_refused(
    hass: HomeAssistant, floor: Floor, share: Path, label: dict[str, str]
) -> None:
    """Every file would be refused by the library, one by one."""
    await floor.add()
    answer = await say(hass, {"path": str(share), **label})
    assert answer["errors"] == {"folders": "bad_label"}


async def test_the_library_does_not_watch_itself(
    hass: HomeAssistant, floor: Floor, share: Path
) -> None:
    await floor.add()
    library = Path(hass.config.path(LIBRARY_FOLDER)).resolve()
    library.mkdir(parents=True, exist_ok=True)
    hass.config.allowlist_external_dirs = {str(library.parent)}
    for path in (library, library.parent):
        answer = await say(hass, {"path": str(path)})
        assert answer["errors"] == {"folders": "folder_is_library"}


def test_a_folder_that_is_laid_open_no_more_is_watched_no_more(
    hass: HomeAssistant, share: Path
) -> None:
    options = {"watched": {"folders": [{"path": str(share), "remove": True}]}}
    (folder,) = shop_settings(hass, options).watched
    assert (folder.remove, folder.subfolders, folder.kinds) == (True, True, frozenset(FileKind))
    options["watched"]["folders"][0]["flat"] = True
    (folder,) = shop_settings(hass, options).watched
    assert not folder.subfolders
    hass.config.allowlist_external_dirs = set()
    assert shop_settings(hass, options).watched == ()
