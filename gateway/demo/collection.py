"""Things of one kind, kept in memory and served as JSON.

A collection can be listed, added to, read and deleted from. That is more than the policies let through: what
the world may use of a service is the gateway's business.
"""

from collections.abc import Mapping
from typing import Self, final

from aiohttp import web

Item = Mapping[str, object]

# A demo left running under load must not grow: the oldest item makes room.
_KEPT_AT_MOST = 1000


@final
class Collection:
    """Items of one `kind` under `/{kind}s`, or under `/{owner}s/{id}/{kind}s` when they belong to others.

    Items are JSON objects. One that brings no `id` is numbered: `charge-1`, `charge-2`.
    """

    __slots__ = ("_items", "_numbered", "_owner", "kind", "path")

    def __init__(self, kind: str, *items: Item, owner: Self | None = None) -> None:
        self.kind = kind
        self.path = f"/{kind}s"
        self._owner = owner
        self._numbered = 0
        self._items: dict[str, Item] = {}
        for item in items:
            self.add(item)

    def routes(self) -> list[web.RouteDef]:
        """The routes of the collection, for an application's router."""
        whole = f"{self._owner.path}/{{owner}}{self.path}" if self._owner is not None else self.path
        one = f"{self.path}/{{id}}"
        return [
            web.get(whole, self._list),
            web.post(whole, self._create),
            web.get(one, self._read),
            web.delete(one, self._delete),
        ]

    def add(self, item: Item) -> Item:
        """Keep `item`, numbered unless it brings its own `id`, and give what is kept."""
        self._numbered += 1
        kept = {"id": f"{self.kind}-{self._numbered}", **item}
        if len(self._items) >= _KEPT_AT_MOST:
            del self._items[next(iter(self._items))]
        self._items[str(kept["id"])] = kept
        return kept

    def find(self, id: str) -> Item:
        """The item of that id; raises HTTPNotFound."""
        item = self._items.get(id)
        if item is None:
            raise web.HTTPNotFound(text=f"There is no {self.kind} {id}.")
        return item

    def containing(self, text: str) -> list[Item]:
        """The items with `text` in one of their values, whatever its case."""
        wanted = text.lower()
        return [item for item in self._items.values() if wanted in str([*item.values()]).lower()]

    async def _list(self, request: web.Request) -> web.Response:
        owned = self._owned(request)
        items = [item for item in self._items.values() if owned.items() <= item.items()]
        return web.json_response({"items": items, "total": len(items)})

    async def _create(self, request: web.Request) -> web.Response:
        owned = self._owned(request)
        sent = await received(request)
        sent.pop("id", None)
        item = self.add({**sent, **owned})
        return web.json_response(item, status=201, headers={"Location": f"{self.path}/{item['id']}"})

    async def _read(self, request: web.Request) -> web.Response:
        return web.json_response(self.find(request.match_info["id"]))

    async def _delete(self, request: web.Request) -> web.Response:
        del self._items[str(self.find(request.match_info["id"])["id"])]
        return web.Response(status=204)

    def _owned(self, request: web.Request) -> Item:
        """The member that ties an item to the owner named in the path; raises HTTPNotFound."""
        if self._owner is None:
            return {}
        return {self._owner.kind: self._owner.find(request.match_info["owner"])["id"]}


async def received(request: web.Request) -> dict[str, object]:
    """The JSON object that the client sent; raises HTTPBadRequest for anything else."""
    try:
        sent = await request.json()
    except ValueError:
        sent = None
    if not isinstance(sent, dict):
        raise web.HTTPBadRequest(text="A JSON object is expected.")
    return sent
