"""source-bench again, with estuary-cdk on its fastest path: documents are dicts, which it hands to orjson."""

import asyncio

from estuary_cdk.capture import BaseCaptureConnector, Request, Task, common, request, response
from estuary_cdk.flow import ConnectorSpec
from estuary_cdk.logger import FlowLogger
from pydantic import BaseModel

from records import record


class EndpointConfig(BaseModel):
    count: int = 1000000
    every: int = 10000


class ResourceConfig(common.BaseResourceConfig):
    PATH_POINTERS = ["/stream"]
    stream: str = "records"

    def path(self) -> list[str]:
        return [self.stream]


class BindingState(BaseModel):
    n: int


class ConnectorState(BaseModel):
    bindingStateV1: dict[str, BindingState] = {}


class Connector(BaseCaptureConnector[EndpointConfig, ResourceConfig, ConnectorState]):
    def request_class(self):
        return Request[EndpointConfig, ResourceConfig, ConnectorState]

    async def spec(self, log: FlowLogger, _: request.Spec) -> ConnectorSpec:
        return ConnectorSpec(
            configSchema=EndpointConfig.model_json_schema(),
            resourceConfigSchema=ResourceConfig.model_json_schema(),
            documentationUrl="https://example.com",
            resourcePathPointers=ResourceConfig.PATH_POINTERS,
        )

    async def discover(self, log: FlowLogger, discover: request.Discover[EndpointConfig]):
        raise NotImplementedError

    async def validate(self, log: FlowLogger, validate: request.Validate[EndpointConfig, ResourceConfig]):
        raise NotImplementedError

    async def open(self, log: FlowLogger, open: request.Open[EndpointConfig, ResourceConfig, ConnectorState]):
        config, key = open.capture.config, open.capture.bindings[0].stateKey

        async def capture(task: Task) -> None:
            for begin in range(0, config.count, config.every):
                end = min(begin + config.every, config.count)
                for n in range(begin, end):
                    task.captured(0, record(n))
                await task.checkpoint(ConnectorState(bindingStateV1={key: BindingState(n=end)}))

        return response.Opened(explicitAcknowledgements=False), capture


if __name__ == "__main__":
    asyncio.run(Connector().serve())
