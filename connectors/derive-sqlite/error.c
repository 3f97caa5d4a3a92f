#include "error.h"

#include <sqlite3.h>
#include <stdarg.h>

#include "lite_error.h"

void dsql_error_free(dsql_error *e)
{
    sqlite3_free(e->text);
    *e = (dsql_error){WEIR_OK, NULL};
}

weir_rc dsql_say(dsql_error *e, weir_rc rc, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    char *text = sqlite3_vmprintf(fmt, args);
    va_end(args);
    dsql_error_free(e);
    *e = (dsql_error){text ? rc : WEIR_E_NOMEM, text};
    return e->rc;
}

weir_rc dsql_at(dsql_error *e, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    char *where = e->text ? sqlite3_vmprintf(fmt, args) : NULL;
    va_end(args);
    if (where)
        dsql_say(e, e->rc, "%s: %s", where, e->text);
    sqlite3_free(where);
    return e->rc;
}

weir_rc dsql_fail(weir_task *t, dsql_error *e)
{
    if (!e->rc)
        return WEIR_OK;
    weir_rc rc = e->text ? weir_fail(t, e->rc, "%s", e->text) : lite_nomem(t);
    dsql_error_free(e);
    return rc;
}

weir_rc dsql_problem(weir_task *t, dsql_error *e)
{
    if (e->rc != WEIR_E_CONFIG)
        return dsql_fail(t, e);
    weir_problem(t, NULL, "%s", e->text);
    dsql_error_free(e);
    return WEIR_OK;
}
