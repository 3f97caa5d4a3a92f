"""PyAirbyte's source-smoke-test without the rest of PyAirbyte, which takes ten times as long to start: the packages around it are put in place, but not run."""

import importlib.util
import sys
import types
from pathlib import Path

folder = Path(importlib.util.find_spec("airbyte").submodule_search_locations[0])
for name, path in ("airbyte", folder), ("airbyte.cli", folder / "cli"):
    sys.modules[name] = types.ModuleType(name)
    sys.modules[name].__path__ = [str(path)]

from airbyte.cli.smoke_test_source.run import run

if __name__ == "__main__":
    run()
