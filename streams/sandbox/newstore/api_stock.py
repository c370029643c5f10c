"""Operations on stock: point availability, the export of all, locations.

Sources: Availabilities API, Availabilities Export API (addresses of the export from
public code), Location API.
"""

from streams.sandbox.newstore.drafts import AtpQuery, Draft, read
from streams.sandbox.newstore.errors import not_found
from streams.sandbox.newstore.faults import Strike, wrong_by
from streams.sandbox.newstore.messages import Answer, Request
from streams.sandbox.newstore.payloads import Payload
from streams.sandbox.newstore.sandbox import Sandbox

# A client that forgets its exports must not fill the memory.
EXPORTS_MAX = 100


class ExportDraft(Draft, frozen=True, kw_only=True):
    """The body that starts an export; 0 exports all."""

    last_updated_at: int = 0


class StockApi:
    """Answers calls about stock."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        path = sandbox.config.atp_path
        self._atp_segments = tuple(part for part in path.split("/") if part)
        self._exports: dict[str, tuple[int, list[Payload]]] = {}

    def answer(self, request: Request, strike: Strike) -> Answer | None:
        """Answer a call, if it is about stock."""
        if request.method == "POST" and request.segments == self._atp_segments:
            return Answer(200, self._atp(request, strike))
        match (request.method, *request.segments):
            case ("POST", "v0", "d", "availabilities", "bulk"):
                return Answer(200, self._start_export(request))
            case ("GET", "v0", "d", "availabilities", "bulk", export_id):
                return Answer(200, self._export(export_id))
            case ("GET", "v0", "d", "availabilities", "bulk", export_id, "items.json"):
                return Answer(200, self._found(export_id)[1])
            case ("GET", "v0", "locations"):
                return Answer(200, self._locations())
        return None

    def _atp(self, request: Request, strike: Strike) -> Payload:
        """Answer for each key in its order; an unknown node's keys are left out.

        The latter is an assumption: the page says nothing of them.
        """
        world = self._sandbox.world
        return {
            "items": [
                {
                    "product_id": key.product_id,
                    "fulfillment_node_id": key.fulfillment_node_id,
                    "atp": world.stock.atp(key.fulfillment_node_id, key.product_id)
                    + wrong_by(strike.atp, key.fulfillment_node_id, key.product_id),
                }
                for key in read(request.body, AtpQuery).atp_keys
                if key.fulfillment_node_id in world.nodes
            ]
        }

    def _start_export(self, request: Request) -> Payload:
        since = read(request.body, ExportDraft).last_updated_at
        stock = self._sandbox.world.stock
        items: list[Payload] = [
            {
                "product_id": key.product_id,
                "fulfillment_node_id": key.node_id,
                "atp": row.atp,
                "external_identifiers": [{"identifiers": {"sku": key.product_id}}],
            }
            for key, row in stock.rows(since)
        ]
        export_id = self._sandbox.world.new_id()
        if len(self._exports) >= EXPORTS_MAX:
            del self._exports[next(iter(self._exports))]
        # 0 has been seen where nothing changed.
        self._exports[export_id] = (stock.version if items else 0, items)
        return {"availability_export_id": export_id}

    def _export(self, export_id: str) -> Payload:
        version, _ = self._found(export_id)
        return {
            "state": "finished",
            "link": f"/v0/d/availabilities/bulk/{export_id}/items.json",
            "last_updated_at": version,
        }

    def _found(self, export_id: str) -> tuple[int, list[Payload]]:
        found = self._exports.get(export_id)
        if found is None:
            raise not_found("Export", export_id)
        return found

    def _locations(self) -> Payload:
        return {
            "locations": [
                {
                    "id": node.node_id,
                    "type": node.kind,
                    "is_enabled": True,
                    "is_inventory_master": True,
                }
                for node in self._sandbox.world.nodes.values()
            ]
        }
