"""A derivation made with flow-sdk's Derive class: counts what came of each `id` by its transform, which is its state.

A document of a transform whose lambda says `late` is published by the flush, of any other at once. With config.whole the state replaces the former one, and a
startCommit of the class itself, which keeps nothing, is what is left with config.forgets. Of the two halves of the world, {"text": "boom"} is an error.
"""

from audit import record_stdin
from flow_sdk import ValidateError, derive, flow


class Counting(derive.Connector):
    def spec(self, spec):
        schema = {"type": "object", "properties": {"whole": {"type": "boolean"}, "forgets": {"type": "boolean"}}}
        return flow.Spec(
            configSchema=schema,
            resourceConfigSchema={"type": "object", "properties": {"late": {"type": "boolean"}}},
            documentationUrl="https://example.com/counting",
            resourcePathPointers=[],
        )

    def validate(self, validate):
        for transform in validate["transforms"]:
            if transform["lambdaConfig"].get("wrong"):
                raise ValidateError(f"transform {transform['name']} is wrong")
        return derive.response.Validated(transforms=[{"readOnly": False} for _ in validate["transforms"]], generatedFiles={})

    def open(self, open):
        derivation = open["collection"]["derivation"]
        self.config = derivation["config"]
        self.transforms = derivation["transforms"]
        self.counts = open["state"].get("counts", {})
        self.changed, self.waiting = {}, []

    def read(self, read, emit):
        transform = self.transforms[read.get("transform", 0)]
        doc = read["doc"]
        if doc.get("text") == "boom":
            raise RuntimeError("boom", doc)
        name = f"{transform['name']}/{doc['id']}"
        self.counts[name] = self.changed[name] = self.counts.get(name, 0) + 1
        published = {"doc": {"id": doc["id"], "by": transform["name"], "count": self.counts[name], "text": doc.get("text")}}
        if transform["lambdaConfig"].get("late"):
            self.waiting.append(published)
        else:
            emit(published)

    def flush(self, flush, emit):
        for published in self.waiting:
            emit(published)
        self.waiting = []
        return super().flush(flush, emit)

    def startCommit(self, start_commit):
        if self.config.get("forgets"):
            return super().startCommit(start_commit)
        whole = self.config.get("whole", False)
        state = {"updated": {"counts": self.counts if whole else self.changed}, "mergePatch": not whole}
        self.changed = {}
        return derive.response.StartedCommit(state=state)


record_stdin()
Counting().main()
