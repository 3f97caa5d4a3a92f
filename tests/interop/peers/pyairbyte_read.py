"""Reads sources with PyAirbyte: `pyairbyte_read.py < jobs`, where jobs is a JSON list of {name, program, folder, reads: [{config, moves}]}.

Each is checked and read, once for each of `reads`, into a DuckDB of its own, so that every read but the first resumes. Before a read files are moved:
moves is a list of [from, to]. Prints for each read the number of records that came and the rows that are in the cache then.
"""

import json
import os
import sys

import airbyte as ab


def rows(cache, stream: str) -> list[dict]:
    return [dict(record) for record in cache[stream].to_pandas().to_dict("records")]


def run(job: dict) -> dict:
    cache = ab.new_local_cache(job["name"].replace("-", "_"), cache_dir=job["folder"])
    found = {"reads": []}
    for read in job["reads"]:
        for move in read.get("moves", []):
            os.replace(*move)
        source = ab.get_source(job["name"], config=read["config"], local_executable=job["program"], streams="*")
        source.check()
        source.validate_config()
        result = source.read(cache=cache)
        names = list(source.get_selected_streams())
        found["streams"] = sorted(names)
        found["reads"].append({"records": result.processed_records, "rows": {name: rows(cache, name) for name in names}})
    return found


if __name__ == "__main__":
    out = sys.stdout
    sys.stdout = sys.stderr
    print(json.dumps([run(job) for job in json.load(sys.stdin)], default=str), file=out)
