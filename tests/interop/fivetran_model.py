"""A destination in a few lines, from fivetran.md 2.4 alone: what tables hold after each call. Rows are dictionaries of the texts that stand in batch files; None is null."""

from datetime import datetime, timedelta, timezone
from decimal import Decimal

from fivetran_files import UNMODIFIED

SYNCED, DELETED, START, END, ACTIVE = "_fivetran_synced", "_fivetran_deleted", "_fivetran_start", "_fivetran_end", "_fivetran_active"
FOREVER, NEVER = "9999-12-31T23:59:59.999Z", "0001-01-01T00:00:00Z"


def moment(text: str) -> Decimal:
    """Seconds since 1970 of an RFC 3339 text, exactly."""
    whole, _, fraction = text.removesuffix("Z").partition(".")
    since = datetime.fromisoformat(whole) - datetime(1970, 1, 1)
    return Decimal(since.days * 86400 + since.seconds) + Decimal("0." + (fraction or "0"))


def before(text: str) -> str:
    """A millisecond earlier."""
    then = datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(microseconds=int(moment(text) * 10**6) - 1000)
    return then.isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Table:
    """key: the columns of the primary key, with _fivetran_start in history mode."""

    def __init__(self, columns: dict[str, str], key: list[str]):
        self.columns, self.key, self.rows = dict(columns), list(key), []

    @property
    def identity(self):
        return [c for c in self.key if c != START]

    def of(self, row, key=None):
        """The rows with the key of a row."""
        return [r for r in self.rows if all(r[c] == row[c] for c in key or self.identity)]

    def full(self, row):
        return {c: row.get(c) for c in self.columns}

    # -- live tables and such with soft deletion --

    def upsert(self, row):
        same = self.of(row, self.key)
        self.rows = [r for r in self.rows if r not in same] + [self.full(row)]

    def update(self, row):
        for r in self.of(row):
            r.update({c: v for c, v in row.items() if v != UNMODIFIED})

    def delete(self, row):
        gone = self.of(row)
        self.rows = [r for r in self.rows if not any(r is g for g in gone)]

    def truncate(self, synced, until, soft=None):
        """until: a text; None: all. soft: the column that is set."""
        old = [r for r in self.rows if until is None or r[synced] is not None and moment(r[synced]) < moment(until)]
        if soft:
            for r in old:
                r[soft] = "true"
        else:
            self.rows = [r for r in self.rows if not any(r is o for o in old)]

    # -- history --

    def earliest(self, row):
        for r in self.of(row):
            if moment(r[START]) >= moment(row[START]):
                self.rows.remove(r)
            elif r[ACTIVE] == "true":
                r.update({ACTIVE: "false", END: before(row[START])})

    def version(self, row):
        """Another version, whose unmodified values are those of the version before it."""
        older = [r for r in self.of(row) if moment(r[START]) < moment(row[START])]
        last = max(older, key=lambda r: moment(r[START]), default={})
        self.upsert({c: last.get(c) if v == UNMODIFIED else v for c, v in row.items()})

    def close(self, row):
        for r in self.of(row):
            if r[ACTIVE] == "true":
                r.update({ACTIVE: "false", END: row[END]})

    # -- migrations --

    def fork(self, at, column, value, only=lambda row: True):
        """A new version of each active row with another value; the old one ends a millisecond before."""
        for r in [r for r in self.rows if r[ACTIVE] == "true" and only(r)]:
            if moment(r[START]) == moment(at):
                r[column] = value
            else:
                self.rows.append({**r, START: at, column: value})
                r.update({ACTIVE: "false", END: before(at)})

    def soft_to_history(self, deleted):
        last = max((r[SYNCED] for r in self.rows), key=moment, default=None)
        for r in self.rows:
            gone = r.pop(deleted, None) == "true"
            r.update({START: NEVER, END: NEVER, ACTIVE: "false"} if gone else {START: last, END: FOREVER, ACTIVE: "true"})
        self.columns = {c: t for c, t in self.columns.items() if c != deleted} | {START: "UTC_DATETIME", END: "UTC_DATETIME", ACTIVE: "BOOLEAN"}
        self.key = [*self.identity, START]

    def history_to_soft(self, deleted):
        kept = {}
        for r in self.rows:
            key = tuple(r[c] for c in self.identity)
            if r[START] is not None and (key not in kept or moment(r[START]) > moment(kept[key][START])):
                kept[key] = r
        self.rows = [{c: v for c, v in r.items() if c not in (START, END, ACTIVE)} | {deleted: "false" if r[ACTIVE] == "true" else "true"} for r in kept.values()]
        self.columns = {c: t for c, t in self.columns.items() if c not in (START, END, ACTIVE)} | {deleted: "BOOLEAN"}
        self.key = self.identity
