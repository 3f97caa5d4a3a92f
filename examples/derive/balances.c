/* balances.c - a derivation: balances of accounts, of the deposits into them and the withdrawals from them. A withdrawal that would take an account below its limit is
 * refused, so what is published depends on everything that came before: the balances are state, and state must not be lost, nor counted twice.
 *
 *   1. what a user may set           settings, fields; of each transform: lambda, lambda_fields
 *   2. what is remembered            account, book: found by name, loaded from the state when a name first turns up
 *   3. a transaction                 read() counts, flush() publishes the accounts that have changed, commit() keeps them
 *
 * The platform makes three things durable in one step: what was published, what weir_keep() gave it, and how far the collections were read. Killed at any moment, the
 * derivation starts again with a state that fits what was published, and gets every document that is not part of it.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weir.h>

typedef struct {
    int64_t limit;
} settings;

static const weir_field fields[] = {
    {.name = "limit", .type = WEIR_INT, .offset = offsetof(settings, limit), .fallback = "0", .min = INT64_MIN, .max = 0,
     .help = "How low a balance may become by a withdrawal, in cents."},
    {0},
};

typedef struct {
    const char *kind, *user, *amount;
} lambda;

static const char *const kinds[] = {"deposit", "withdrawal", NULL};

static const weir_field lambda_fields[] = {
    {.name = "kind", .type = WEIR_TEXT, .offset = offsetof(lambda, kind), .choices = kinds, .help = "What a document is."},
    {.name = "user", .type = WEIR_TEXT, .offset = offsetof(lambda, user), .fallback = "/user", .help = "Where the name of its account is: a JSON pointer."},
    {.name = "amount", .type = WEIR_TEXT, .offset = offsetof(lambda, amount), .fallback = "/cents", .help = "Where its amount is: a JSON pointer."},
    {0},
};

/* ---- accounts ---- */

typedef struct account {
    struct account *next, *next_changed; /* of its bucket; of those that have changed in this transaction */
    int64_t balance, refused;
    bool changed;
    char user[];
} account;

enum { BUCKETS = 4096 };

typedef struct {
    const settings *set;
    const weir_binding *to; /* the collection that is made */
    account *buckets[BUCKETS], *changed;
} book;

static size_t bucket_of(const char *user)
{
    uint64_t h = 14695981039346656037u; /* FNV-1a */
    for (; *user; user++)
        h = (h ^ (unsigned char)*user) * 1099511628211u;
    return h % BUCKETS;
}

/* A name as a part of a JSON pointer. */
static const char *escaped(weir_task *t, const char *name)
{
    char *text = weir_alloc(t, 2 * strlen(name) + 1), *to = text;
    for (; text && *name; name++) {
        *to++ = *name == '/' ? '~' : *name;
        if (*name == '/' || *name == '~')
            *to++ = *name == '/' ? '1' : '0';
    }
    if (text)
        *to = 0;
    return text ? text : "";
}

/* NULL without memory, and then the task has the error. */
static account *account_of(weir_task *t, book *b, const char *user)
{
    account **at = &b->buckets[bucket_of(user)];
    for (account *a = *at; a; a = a->next)
        if (strcmp(a->user, user) == 0)
            return a;
    const char *where = escaped(t, user);
    account *a = calloc(1, sizeof *a + strlen(user) + 1);
    if (!a) {
        weir_fail(t, WEIR_E_NOMEM, "out of memory");
        return NULL;
    }
    strcpy(a->user, user);
    a->balance = weir_json_int(weir_state(t), weir_format(t, "/users/%s/balance", where).ptr, 0);
    a->refused = weir_json_int(weir_state(t), weir_format(t, "/users/%s/refused", where).ptr, 0);
    a->next = *at;
    return *at = a;
}

static void forget(book *b)
{
    for (size_t i = 0; i < BUCKETS; i++)
        while (b->buckets[i]) {
            account *a = b->buckets[i];
            b->buckets[i] = a->next;
            free(a);
        }
    b->changed = NULL;
}

/* ---- a session ---- */

static weir_rc open_book(weir_task *t, const weir_connector *me, const void *config, void **ret_self)
{
    (void)me;
    book *b = calloc(1, sizeof *b);
    if (!b)
        return weir_fail(t, WEIR_E_NOMEM, "out of memory");
    b->set = config;
    *ret_self = b;
    return WEIR_OK;
}

static void close_book(void *self)
{
    if (self)
        forget(self);
    free(self);
}

static weir_rc read_one(weir_task *t, book *b, const weir_read *r)
{
    const lambda *l = r->transform->lambda;
    const char *user = weir_json_text(t, r->doc, l->user, NULL);
    const int64_t amount = weir_json_int(r->doc, l->amount, -1);
    int64_t balance;
    if (!user || amount < 0)
        return weir_fail(t, WEIR_E_CONFIG, "a document of %.*s needs a name at %s and an amount at %s: %.*s", (int)r->transform->collection.len,
                         r->transform->collection.ptr, l->user, l->amount, (int)r->doc.len, r->doc.ptr);
    account *a = account_of(t, b, user);
    if (!a)
        return WEIR_E_NOMEM;
    const bool in = strcmp(l->kind, "deposit") == 0;
    if (in ? __builtin_add_overflow(a->balance, amount, &balance) : __builtin_sub_overflow(a->balance, amount, &balance))
        return weir_fail(t, WEIR_E_CONFIG, "the balance of %s is beyond 64 bits", weir_quote(t, user));
    if (in || balance >= b->set->limit)
        a->balance = balance;
    else
        a->refused++;
    if (!a->changed) {
        a->changed = true;
        a->next_changed = b->changed;
        b->changed = a;
    }
    return WEIR_OK;
}

static weir_rc read_all(weir_task *t, void *self, const weir_read *reads, size_t count)
{
    weir_rc rc = WEIR_OK;
    for (size_t i = 0; i < count && !rc; i++)
        rc = read_one(t, self, &reads[i]);
    return rc;
}

static weir_rc begin(weir_task *t, void *self, const weir_derivation *d)
{
    (void)t;
    ((book *)self)->to = d->to;
    return WEIR_OK;
}

/* An account as it is now; of one that changes twice in a transaction that is enough. */
static weir_rc flush(weir_task *t, void *self)
{
    static const weir_name user = WEIR_NAME("user"), balance = WEIR_NAME("balance"), refused = WEIR_NAME("refused");
    const book *b = self;
    weir_rc rc = WEIR_OK;
    for (const account *a = b->changed; a && !rc; a = a->next_changed) {
        rc = weir_begin(t, b->to, WEIR_UPSERT);
        if (rc)
            return rc;
        weir_put_text(t, user, (weir_view){a->user, strlen(a->user)});
        weir_put_int(t, balance, a->balance);
        weir_put_int(t, refused, a->refused);
        rc = weir_end(t);
    }
    return rc;
}

/* Only what has changed: weir_keep() takes a patch. */
static weir_rc commit(weir_task *t, void *self, weir_view checkpoint)
{
    (void)checkpoint; /* the platform keeps it, with our state */
    book *b = self;
    char *text = NULL;
    size_t len = 0;
    FILE *out = b->changed ? open_memstream(&text, &len) : NULL;
    if (!b->changed)
        return WEIR_OK;
    if (!out)
        return weir_fail(t, WEIR_E_NOMEM, "out of memory");
    fputs("{\"users\":{", out);
    for (account *a = b->changed; a; a = a->next_changed) {
        fprintf(out, "%s%s:{\"balance\":%" PRId64 ",\"refused\":%" PRId64 "}", a == b->changed ? "" : ",", weir_quote(t, a->user), a->balance, a->refused);
        a->changed = false;
    }
    fputs("}}", out);
    b->changed = NULL;
    weir_rc rc = fclose(out) ? weir_fail(t, WEIR_E_NOMEM, "out of memory") : weir_keep(t, (weir_view){text, len});
    free(text);
    return rc;
}

static weir_rc reset(weir_task *t, void *self)
{
    (void)t;
    forget(self);
    return WEIR_OK;
}

static const weir_connector balances = {
    .abi = WEIR_ABI, .name = "derive-balances", .version = "1.0.0", .title = "Balances of accounts, as an example of a derivation",
    .config = fields, .config_size = sizeof(settings), .resource = lambda_fields, .resource_size = sizeof(lambda),
    .open = open_book, .close = close_book,
    .derive = &(const weir_derive){.begin = begin, .read = read_all, .flush = flush, .commit = commit, .reset = reset},
};

int main(int argc, char **argv)
{
    return weir_main(&balances, argc, argv);
}
