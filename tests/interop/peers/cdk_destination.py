"""A destination made with Airbyte's CDK: config.dir/<namespace>.<stream>.ndjson gets each record's data, written when a STATE or the end comes.

It keeps what a destination must: a state goes out only when everything before it is on disk. An overwritten stream starts empty.
"""

import json
import sys
from pathlib import Path

from airbyte_cdk.destinations import Destination
from airbyte_cdk.models import AirbyteConnectionStatus, ConnectorSpecification, DestinationSyncMode, Status, Type


class Files(Destination):
    def spec(self, *_, **__):
        schema = {"type": "object", "required": ["dir"], "properties": {"dir": {"type": "string", "title": "Folder"}}}
        modes = [DestinationSyncMode.append, DestinationSyncMode.overwrite]
        return ConnectorSpecification(connectionSpecification=schema, supported_destination_sync_modes=modes)

    def check(self, logger, config):
        if Path(config["dir"]).is_dir():
            return AirbyteConnectionStatus(status=Status.SUCCEEDED)
        return AirbyteConnectionStatus(status=Status.FAILED, message=f"{config['dir']} is not a folder")

    def write(self, config, configured_catalog, input_messages):
        folder, waiting, known = Path(config["dir"]), {}, set()
        (folder / "catalogs.ndjson").open("a").write(json.dumps([configured(s) for s in configured_catalog.streams]) + "\n")
        for stream in configured_catalog.streams:
            name = named(stream.stream.namespace, stream.stream.name)
            known.add(name)
            if stream.destination_sync_mode == DestinationSyncMode.overwrite:
                (folder / f"{name}.ndjson").write_text("")
        for message in input_messages:
            if message.type == Type.RECORD:
                name = named(message.record.namespace, message.record.stream)
                if name not in known:
                    raise KeyError(f"stream {name} is not in the catalog")
                waiting.setdefault(name, []).append(json.dumps(message.record.data, ensure_ascii=False))
            elif message.type == Type.STATE:
                flush(folder, waiting)
                yield message
        flush(folder, waiting)


def configured(stream) -> dict:
    return {
        "name": stream.stream.name,
        "namespace": stream.stream.namespace,
        "sync_mode": stream.sync_mode.value,
        "destination_sync_mode": stream.destination_sync_mode.value,
        "primary_key": stream.primary_key,
        "generation": [stream.generation_id, stream.minimum_generation_id, stream.sync_id],
    }


def named(namespace: str | None, name: str) -> str:
    return (f"{namespace}.{name}" if namespace else name).replace("/", "%2F")


def flush(folder: Path, waiting: dict[str, list[str]]):
    for name, lines in waiting.items():
        with (folder / f"{name}.ndjson").open("a", encoding="utf-8") as file:
            file.writelines(line + "\n" for line in lines)
    waiting.clear()


if __name__ == "__main__":
    Files().run(sys.argv[1:])
