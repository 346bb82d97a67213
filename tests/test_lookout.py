"""Files that change are noticed once they have kept still."""

import asyncio

import pytest

from gateway.lookout import look, watch


class Looks:
    """A folder of files, and a pause between two looks at it in which a test changes them."""

    def __init__(self, folder):
        self.folder = folder
        self.reloads = 0
        self.asked = asyncio.Event()
        self.go_on = asyncio.Event()

    def files(self):
        return [self.folder / "gateway.yaml", self.folder / "policies" / "all.yaml"]

    async def reload(self):
        self.reloads += 1

    async def pause(self, seconds):
        self.asked.set()
        await self.go_on.wait()
        self.go_on.clear()

    async def next(self, times=1):
        """Let it look so many times."""
        for _ in range(times):
            self.asked.clear()
            self.go_on.set()
            async with asyncio.timeout(5):
                await self.asked.wait()


@pytest.fixture
async def looks(tmp_path):
    (tmp_path / "policies").mkdir()
    looks = Looks(tmp_path)
    for path in looks.files():
        path.write_text("a")
    task = asyncio.create_task(watch(look(looks.files()), looks.files, looks.reload, looks.pause))
    async with asyncio.timeout(5):
        await looks.asked.wait()
    yield looks
    task.cancel()


def written(path):
    path.write_text("other")


def renamed(path):
    other = path.with_suffix(".new")
    other.write_text("a")
    other.rename(path)


def linked(path):
    """As Kubernetes does with a ConfigMap: the folder behind a link is another one."""
    folder = path.parent
    folder.rename(folder.with_name("old"))
    new = folder.with_name("new")
    new.mkdir()
    (new / path.name).write_text("a")
    folder.symlink_to(new)


def joined(path):
    path.with_name("more.yaml").write_text("a")


def removed(path):
    path.unlink()


@pytest.mark.parametrize("change", [written, renamed, linked, joined, removed])
async def test_a_change_is_loaded_once_when_it_has_kept_still(looks, change):
    change(looks.folder / "policies" / "all.yaml")
    await looks.next()
    assert 0 == looks.reloads, "who changed it may still be at work"
    await looks.next(3)
    assert 1 == looks.reloads


async def test_what_goes_on_changing_is_waited_for(looks):
    for number in range(2, 6):
        (looks.folder / "gateway.yaml").write_text("a" * number)
        await looks.next()
    assert 0 == looks.reloads
    await looks.next(2)
    assert 1 == looks.reloads


async def test_what_an_editor_leaves_beside_is_no_change(looks):
    (looks.folder / "policies" / ".all.yaml.swp").write_text("a")
    await looks.next(3)
    assert 0 == looks.reloads
