"""A connector of the vendor's Connector SDK 2.1.0 (MIT), as its documentation has them: python fivetran_sdk_connector.py --port N. It needs neither the
vendor's tester nor its cloud: `run` is the gRPC server."""

import sys

from fivetran_connector_sdk import Connector
from fivetran_connector_sdk import Operations as op


def schema(configuration: dict):
    return [{"table": "orders", "primary_key": ["id"], "columns": {"id": "LONG", "total": {"type": "DECIMAL", "precision": 15, "scale": 2}, "at": "UTC_DATETIME"}},
            {"table": "lines", "primary_key": ["order_id", "n"]}]  # fmt: skip


def update(configuration: dict, state: dict):
    first, count = state.get("next", 0), int(configuration["count"])
    for n in range(first, count):
        op.upsert("orders", {"id": n, "total": f"{n}.25", "at": "2026-01-02T03:04:05Z", "name": f"é {n}", "paid": n % 2 == 0, "tags": {"a": [n, None]}})
        op.upsert("lines", {"order_id": n, "n": 1, "text": "x" * 300})
    if first:
        op.update("orders", {"id": 0, "name": "changed"})
        op.delete("orders", {"id": 1})
    op.checkpoint({"next": count})


if __name__ == "__main__":
    Connector(update=update, schema=schema).run(port=int(sys.argv[sys.argv.index("--port") + 1]))
