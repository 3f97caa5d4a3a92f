"""Checks each line of a file against a schema, so many times over: validate.py HOW SCHEMA FILE TIMES. HOW: jsonschema, fastjsonschema, jsonschema-rs."""

import json
import sys


def checker(how, schema):
    if how == "jsonschema":
        import jsonschema

        return jsonschema.validators.validator_for(schema)(schema).is_valid
    if how == "jsonschema-rs":
        import jsonschema_rs

        return jsonschema_rs.validator_for(schema).is_valid
    import fastjsonschema

    validate = fastjsonschema.compile(schema)

    def is_valid(doc):
        try:
            validate(doc)
        except fastjsonschema.JsonSchemaException:
            return False
        return True

    return is_valid


def main():
    how, schema, path, times = sys.argv[1], json.load(open(sys.argv[2])), sys.argv[3], int(sys.argv[4])
    try:
        from orjson import loads
    except ImportError:
        from json import loads
    is_valid = checker(how, schema)
    valid = documents = 0
    with open(path, "rb") as f:
        lines = f.read().splitlines()
    for _ in range(times):
        for line in lines:
            valid += is_valid(loads(line))
            documents += 1
    print(f"{valid} of {documents}")


main()
