/* Databases stay open between calls, by their settings. */
#include <pthread.h>
#include <stdlib.h>

#include "proto/fivetran/serve_destination.h"

enum { IDLE_MAX = 8 }; /* databases that are kept open although nobody uses them */

typedef struct database {
    struct database *next; /* the one used last comes first */
    buf config;            /* its settings as JSON: what tells it from others */
    session *s;            /* NULL: not open */
    pthread_mutex_t lock;  /* of what happens in it */
    unsigned users;
} database;

struct ft_databases {
    const weir_connector *c;
    log_sink *log;
    listener quiet;
    pthread_mutex_t lock; /* of the list and the users */
    database *first;
};

static const listener_ops nothing = {0};

weir_rc ft_databases_new(ft_databases **ret, const weir_connector *c, log_sink *log, err *e)
{
    if (!c->sql)
        return err_fail(e, WEIR_E_CONFIG, "'%s' is no SQL database, which a destination has to be whose tables the platform manages", c->name);
    ft_databases *d = calloc(1, sizeof *d);
    if (!d)
        return err_nomem(e);
    *d = (ft_databases){.c = c, .log = log, .quiet = {&nothing}};
    pthread_mutex_init(&d->lock, NULL);
    *ret = d;
    return WEIR_OK;
}

static void close_database(database *x)
{
    session_free(x->s);
    buf_wipe(&x->config);
    pthread_mutex_destroy(&x->lock);
    free(x);
}

void ft_databases_free(ft_databases *d)
{
    if (!d)
        return;
    while (d->first) {
        database *x = d->first;
        d->first = x->next;
        close_database(x);
    }
    pthread_mutex_destroy(&d->lock);
    free(d);
}

/* ---- the list ---- */

static database *find(ft_databases *d, weir_view config)
{
    for (database **at = &d->first; *at; at = &(*at)->next)
        if (view_eq(buf_view(&(*at)->config), config)) {
            database *x = *at;
            *at = x->next;
            return x;
        }
    return NULL;
}

static database *make(const tree *config)
{
    database *x = calloc(1, sizeof *x);
    if (!x)
        return NULL;
    tree_write(&x->config, config);
    pthread_mutex_init(&x->lock, NULL);
    if (buf_ok(&x->config))
        return x;
    close_database(x);
    return NULL;
}

static database *take(ft_databases *d, const tree *config)
{
    database *made = make(config);
    if (!made)
        return NULL;
    pthread_mutex_lock(&d->lock);
    database *x = find(d, buf_view(&made->config));
    if (!x) {
        x = made;
        made = NULL;
    }
    x->users++;
    x->next = d->first;
    d->first = x;
    pthread_mutex_unlock(&d->lock);
    if (made)
        close_database(made);
    return x;
}

/* Takes those out of the list that nobody needs: what is not open, and the idle ones that were not used for the longest time. */
static database *surplus(ft_databases *d)
{
    unsigned idle = 0;
    database *out = NULL;
    for (database **at = &d->first; *at;) {
        database *x = *at;
        if (x->users || (x->s && ++idle <= IDLE_MAX)) {
            at = &x->next;
            continue;
        }
        *at = x->next;
        x->next = out;
        out = x;
    }
    return out;
}

static void give_back(ft_databases *d, database *x)
{
    pthread_mutex_lock(&d->lock);
    x->users--;
    database *out = surplus(d);
    pthread_mutex_unlock(&d->lock);
    while (out) {
        database *next = out->next;
        close_database(out);
        out = next;
    }
}

/* ---- using one ---- */

typedef struct use {
    ft_work *w;
    weir_rc (*work)(ft_work *w, void *arg);
    void *arg;
} use;

static weir_rc on_task(weir_task *t, void *self, void *arg)
{
    use *u = arg;
    u->w->t = t;
    u->w->self = self;
    return u->work(u->w, u->arg);
}

static weir_rc open_session(ft_databases *d, database *x, const tree *config, err *e)
{
    if (x->s)
        return WEIR_OK;
    x->s = session_new(&(session_options){.connector = d->c, .to = &d->quiet, .log = d->log, .no_acks = true});
    return x->s ? session_open(x->s, config, e) : err_nomem(e);
}

weir_rc ft_database_use(ft_databases *d, const tree *config, ft_work *w, weir_rc (*work)(ft_work *w, void *arg), void *arg, err *e)
{
    database *x = take(d, config);
    if (!x)
        return err_nomem(e);
    use u = {w, work, arg};
    w->q = d->c->sql;
    pthread_mutex_lock(&x->lock);
    weir_rc rc = open_session(d, x, config, e);
    if (!rc)
        rc = session_call(x->s, on_task, &u, e);
    if (rc && rc != WEIR_STOPPED) { /* whatever is wrong with it: the next call opens it anew */
        session_free(x->s);
        x->s = NULL;
    }
    pthread_mutex_unlock(&x->lock);
    buf_free(&w->sql);
    give_back(d, x);
    return rc;
}

static weir_rc in_transaction(ft_work *w, void *arg)
{
    use *u = arg;
    weir_rc rc = w->q->begin(w->t, w->self);
    if (!rc)
        rc = u->work(w, u->arg);
    if (!rc)
        rc = w->q->commit(w->t, w->self);
    if (rc)
        w->q->rollback(w->t, w->self);
    return rc;
}

weir_rc ft_database_change(ft_databases *d, const tree *config, ft_work *w, weir_rc (*work)(ft_work *w, void *arg), void *arg, err *e)
{
    use u = {w, work, arg};
    return ft_database_use(d, config, w, in_transaction, &u, e);
}
