"""A queue made with estuary-cdk: a source that keeps no position of its own and needs explicit acknowledgements.

config.dir/queue.ndjson holds the messages. A batch of two is emitted with a checkpoint, and only the acknowledgement of that
checkpoint moves the count in config.dir/taken, which is where the next process begins. It exits when the queue is empty.

If PEER_LEDGER names the runner's weir.db, a line for each acknowledgement goes to config.dir/seen: how many were taken by then, and how
many bytes the runner had committed.
"""

import asyncio
import json
import os
import sqlite3
from pathlib import Path

from estuary_cdk.capture import BaseCaptureConnector, Request, common, request
from estuary_cdk.flow import ConnectorSpec
from estuary_cdk.logger import FlowLogger
from pydantic import BaseModel

from stdin import recorded_stdin

ConnectorState = common.ConnectorState[common.ResourceState]


class EndpointConfig(BaseModel):
    dir: str


class Message(common.BaseDocument, extra="allow"):
    id: int


def taken(folder: str) -> int:
    path = Path(folder) / "taken"
    return int(path.read_text()) if path.exists() else 0


def look(folder: str, now_taken: int):
    ledger = os.environ.get("PEER_LEDGER")
    if not ledger or not Path(ledger).exists():
        return
    with sqlite3.connect(f"file:{ledger}?mode=ro", uri=True) as connection:
        (committed,) = connection.execute("SELECT sum(committed) FROM journals").fetchone()
    with (Path(folder) / "seen").open("a") as seen:
        seen.write(json.dumps({"taken": now_taken, "committed": committed}) + "\n")


def queue(config: EndpointConfig) -> common.Resource:
    def open(binding, index, state, task, _):
        async def drain(task: common.Task):
            task.requires_ack = True
            messages = (Path(config.dir) / "queue.ndjson").read_bytes().splitlines()
            for at in range(taken(config.dir), len(messages), 2):
                batch = messages[at : at + 2]
                for line in batch:
                    task.captured(index, json.loads(line))
                await task.checkpoint(ConnectorState())  # returns when it is acknowledged
                look(config.dir, at + len(batch))
                (Path(config.dir) / "taken").write_text(str(at + len(batch)))

        task.spawn_child("queue", drain)

    return common.Resource(
        name="queue",
        key=["/id"],
        model=Message,
        open=open,
        initial_state=common.ResourceState(),
        initial_config=common.ResourceConfig(name="queue"),
        schema_inference=True,
        requires_explicit_acks=True,
    )


class Connector(BaseCaptureConnector[EndpointConfig, common.ResourceConfig, ConnectorState]):
    def request_class(self):
        return Request[EndpointConfig, common.ResourceConfig, ConnectorState]

    async def spec(self, log: FlowLogger, _: request.Spec) -> ConnectorSpec:
        return ConnectorSpec(
            configSchema=EndpointConfig.model_json_schema(),
            resourceConfigSchema=common.ResourceConfig.model_json_schema(),
            documentationUrl="https://example.com/cdk-acks",
            resourcePathPointers=common.ResourceConfig.PATH_POINTERS,
        )

    async def discover(self, log: FlowLogger, discover):
        return common.discovered([queue(discover.config)])

    async def validate(self, log: FlowLogger, validate):
        return common.validated(common.resolve_bindings(validate.bindings, [queue(validate.config)]))

    async def open(self, log: FlowLogger, open):
        return common.open(open, common.resolve_bindings(open.capture.bindings, [queue(open.capture.config)]))


if __name__ == "__main__":
    asyncio.run(Connector().serve(requests=recorded_stdin))
