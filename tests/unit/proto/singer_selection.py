#!/usr/bin/env python3
"""Prints singer_selection.h: what singer-sdk (0.54.9) selects, for every combination of metadata of a stream, a field and a field within it. Run it in an
environment with singer-sdk."""
import itertools
import json

from singer_sdk.singerlib.catalog import MetadataMapping

PLACES = [
    None, {}, {"selected": True}, {"selected": False}, {"selected": None}, {"selected": "false"}, {"selected-by-default": True},
    {"selected-by-default": False}, {"selected": False, "selected-by-default": True}, {"selected": True, "selected-by-default": False},
    {"inclusion": "available"}, {"inclusion": "available", "selected": True}, {"inclusion": "automatic"}, {"inclusion": "automatic", "selected": False},
    {"inclusion": "unsupported"}, {"inclusion": "unsupported", "selected": True},
]
CRUMBS = [[], ["properties", "a"], ["properties", "a", "properties", "b"]]


def answer(choice):
    items = [{"breadcrumb": crumb, "metadata": metadata} for crumb, metadata in zip(CRUMBS, choice) if metadata is not None]
    mask = MetadataMapping.from_iterable(items).resolve_selection()
    stream, a, b = (bool(mask[tuple(crumb)]) for crumb in CRUMBS)
    return str(4 * stream + 2 * (stream and a) + (stream and a and b))


def c_text(value):
    return "NULL" if value is None else json.dumps(json.dumps(value, separators=(",", ":")))


print("/* singer_selection.h - made by singer_selection.py from singer-sdk 0.54.9: what is selected. */")
print("static const char *const places[] = {")
print("".join(f"    {c_text(p)},\n" for p in PLACES), end="};\n")
print("/* [stream][field], then a digit for each choice of the field within it: 4 the stream, 2 the field, 1 the field within it. */")
print(f"static const char *const selected_by_sdk[{len(PLACES)}][{len(PLACES)}] = {{")
for stream in PLACES:
    row = ["".join(answer((stream, field, inner)) for inner in PLACES) for field in PLACES]
    print("    {" + ", ".join(f'"{digits}"' for digits in row) + "},")
print("};")
