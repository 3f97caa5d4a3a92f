"""Airbyte's standard tests (airbyte_cdk.test.standard_tests) of any executable: copied as test_standard.py into a folder that looks like a connector's, with
metadata.yaml and acceptance-test-config.yml beside it. The executable is $WEIR_SOURCE.
"""

import os
import subprocess

import orjson
from airbyte_cdk.models import AirbyteMessageSerializer, Type
from airbyte_cdk.sources import Source
from airbyte_cdk.test.standard_tests import SourceTestSuiteBase


class Executable(Source):
    def messages(self, *argv, **files):
        for flag, path in files.items():
            argv += (f"--{flag}", path)
        done = subprocess.run([os.environ["WEIR_SOURCE"], *argv], capture_output=True, stdin=subprocess.DEVNULL)
        yield from (AirbyteMessageSerializer.load(orjson.loads(line)) for line in done.stdout.split(b"\n") if line)
        if done.returncode:
            raise RuntimeError(f"exit status {done.returncode}: {done.stderr.decode()}")

    def with_config(self, command, config, **files):
        import json
        import tempfile

        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump(dict(config), file)
            file.flush()
            yield from self.messages(command, config=file.name, **files)

    def spec(self, logger):
        return next(m.spec for m in self.messages("spec") if m.type == Type.SPEC)

    def check(self, logger, config):
        return next(m.connectionStatus for m in self.with_config("check", config) if m.type == Type.CONNECTION_STATUS)

    def discover(self, logger, config):
        return next(m.catalog for m in self.with_config("discover", config) if m.type == Type.CATALOG)

    def read(self, logger, config, catalog, state=None):
        yield from self.with_config("read", config, catalog=catalog, **({"state": state} if state else {}))

    def read_catalog(self, catalog_path):
        return catalog_path

    def read_state(self, state_path):
        return state_path


class TestSuite(SourceTestSuiteBase):
    connector = Executable
