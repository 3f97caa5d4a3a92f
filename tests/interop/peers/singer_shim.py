"""A Singer SDK tap from PyPI behind flow-sdk's Singer shim: `python singer_shim.py tap_dbf.tap:TapDBF`."""

import importlib
import sys

from audit import record_stdin
from flow_sdk.shim_singer_sdk import CaptureShim

module, name = sys.argv[1].split(":")
tap = getattr(importlib.import_module(module), name)
record_stdin()
CaptureShim(config_schema=tap.config_jsonschema, delegate_factory=tap).main()
