"""Airbyte's source-faker (products, users, purchases: generated) behind flow-sdk's Airbyte shim."""

from audit import record_stdin
from flow_sdk.shim_airbyte_cdk import CaptureShim
from source_faker import SourceFaker

record_stdin()
CaptureShim(delegate=SourceFaker(), oauth2=None).main()
