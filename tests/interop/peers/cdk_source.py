"""A source made with estuary-cdk: one snapshot, one log with a backfill, one resource with hostile names.

Everything it captures is read from files in config.dir, one JSON object a line, so that a test decides what the next run finds:

    things.ndjson    the whole content of "things" at this moment: a snapshot, polled, numbered by the CDK (/_meta/row_id)
    history.ndjson   what "events" held before it was first captured: backfilled in pages of 2
    events.ndjson    an append-only log: "events" follows it, its cursor is a count of lines, committed every 3
    odd.ndjson       the same for "odd/näme 1", whose key pointers need escaping

With PEER_BREAKS in its environment it comes to an end behind the second batch of a log: `raise` is an error, `kill` kills the runner.
"""

import asyncio
import json
import os
import signal
from datetime import timedelta
from pathlib import Path
from typing import Any

from estuary_cdk.capture import BaseCaptureConnector, Request, common, request, response
from estuary_cdk.flow import CaptureBinding, ConnectorSpec
from estuary_cdk.logger import FlowLogger
from pydantic import BaseModel, Field

from stdin import recorded_stdin

ODD = "odd/näme 1"
POLL = timedelta(seconds=1)


class EndpointConfig(BaseModel):
    dir: str = Field(title="Folder", description="Where the files to capture are.")
    once: bool = Field(default=False, title="Once", description="Exit when everything that is there now has been captured.")
    token: str = Field(default="", title="Token", description="Not used.", json_schema_extra={"secret": True})


class Event(common.BaseDocument, extra="allow"):
    id: int
    text: str | None = None


ConnectorState = common.ConnectorState[common.ResourceState]


def records(folder: str, name: str) -> list[dict[str, Any]]:
    path = Path(folder) / name
    if not path.exists():
        return []
    with path.open("rb") as lines:
        return [json.loads(line) for line in lines]


def breaks():
    how = os.environ.get("PEER_BREAKS")
    if how == "raise":
        raise RuntimeError("the source broke")
    if how == "kill":
        os.kill(os.getppid(), signal.SIGKILL)


class Parts:
    """What still runs. With `once`, the end of the last part stops the connector."""

    def __init__(self, once: bool, names: set[str]):
        self.once, self.open = once, names

    def idle(self, name: str, task: common.Task):
        self.open.discard(name)
        if self.once and not self.open:
            task.stopping.event.set()


def things(config: EndpointConfig, parts: Parts) -> common.Resource:
    def open(binding: CaptureBinding, index: int, state: common.ResourceState, task: common.Task, _):
        async def snapshot(log):
            for record in records(config.dir, "things.ndjson"):
                yield common.BaseDocument(**record)
            parts.idle("things", task)

        common.open_binding(binding, index, state, task, fetch_snapshot=snapshot)

    return common.SnapshotResource(name="things", open=open, initial_config=common.ResourceConfig(name="things", interval=POLL))


def log_resource(config: EndpointConfig, parts: Parts, name: str, file: str, key: list[str], model, history: str | None):
    async def open(binding: CaptureBinding, index: int, state: common.ResourceState, task: common.Task, _):
        async def changes(log, cursor):
            new = records(config.dir, file)[cursor:]
            for at in range(0, len(new), 3):
                for record in new[at : at + 3]:
                    yield record
                if cursor == 3:
                    breaks()
                cursor += len(new[at : at + 3])
                yield cursor
            if not new:
                parts.idle(name, task)

        async def pages(log, page, cutoff):
            old = records(config.dir, history)
            at = page or 0
            for record in old[at : at + 2]:
                yield model(**record)
            if at + 2 < len(old):
                yield at + 2
            else:
                parts.idle(name + " history", task)

        if history:
            task.sourced_schema(index, {"properties": {"id": {"type": "integer"}, "text": {"type": ["string", "null"]}}})
            await task.checkpoint(ConnectorState())
        common.open_binding(binding, index, state, task, fetch_changes=changes, fetch_page=pages if history else None)

    return common.Resource(
        name=name,
        key=key,
        model=model,
        open=open,
        initial_state=common.ResourceState(
            inc=common.ResourceState.Incremental(cursor=0),
            backfill=common.ResourceState.Backfill(cutoff=0) if history else None,
        ),
        initial_config=common.ResourceConfig(name=name, interval=POLL),
        schema_inference=True,
    )


ODD_SCHEMA = common.Resource.FixedSchema(
    {
        "type": "object",
        "properties": {"a/b": {"type": "string"}, "k": {"type": "object", "properties": {"~n": {"type": "integer"}}, "required": ["~n"]}},
        "required": ["a/b", "k"],
    }
)


class Connector(BaseCaptureConnector[EndpointConfig, common.ResourceConfig, ConnectorState]):
    def request_class(self):
        return Request[EndpointConfig, common.ResourceConfig, ConnectorState]

    def resources(self, config: EndpointConfig, parts: Parts) -> list[common.Resource]:
        return [
            things(config, parts),
            log_resource(config, parts, "events", "events.ndjson", ["/id"], Event, "history.ndjson"),
            log_resource(config, parts, ODD, "odd.ndjson", ["/a~1b", "/k/~0n"], ODD_SCHEMA, None),
        ]

    async def spec(self, log: FlowLogger, _: request.Spec) -> ConnectorSpec:
        return ConnectorSpec(
            configSchema=EndpointConfig.model_json_schema(),
            resourceConfigSchema=common.ResourceConfig.model_json_schema(),
            documentationUrl="https://example.com/cdk-source",
            resourcePathPointers=common.ResourceConfig.PATH_POINTERS,
        )

    async def discover(self, log: FlowLogger, discover: request.Discover[EndpointConfig]):
        return common.discovered(self.resources(discover.config, Parts(False, set())))

    async def validate(self, log: FlowLogger, validate: request.Validate[EndpointConfig, common.ResourceConfig]):
        return common.validated(common.resolve_bindings(validate.bindings, self.resources(validate.config, Parts(False, set()))))

    async def open(self, log: FlowLogger, open: request.Open[EndpointConfig, common.ResourceConfig, ConnectorState]):
        config, names = open.capture.config, set()
        for binding in open.capture.bindings:
            state = open.state.bindingStateV1.get(binding.stateKey)
            names.add(binding.resourceConfig.name)
            if binding.resourceConfig.name == "events" and (state is None or state.backfill):
                names.add("events history")
        return common.open(open, common.resolve_bindings(open.capture.bindings, self.resources(config, Parts(config.once, names))))


if __name__ == "__main__":
    asyncio.run(Connector().serve(requests=recorded_stdin))
