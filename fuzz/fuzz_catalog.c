/* YAML and catalogs: what is read can be written and reads as the same; a catalog is read or refused with its reasons; an edit of
 * its text comes to an end.
 */
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"
#include "json/patch.h"
#include "json/scan.h"
#include "plane/catalog.h"
#include "plane/catalog_edit.h"
#include "plane/yaml.h"

enum { LARGE = 1 << 20 }; /* aliases can make much of little: that is tested, but not written twice */

/* ---------------------------------------------------------------------------------------------------------------- YAML -- */

static void check_writing(const tree *root)
{
    arena a = {0};
    err e = {0};
    buf json = {.max = LARGE}, again = {0}, yaml = {.max = LARGE};
    tree *back = NULL;
    tree_write(&json, root);
    yaml_write(&yaml, root);
    if (buf_ok(&json) && buf_ok(&yaml)) {
        MUST(json_check(buf_view(&json), NULL, NULL));
        if (yaml_parse(&a, buf_view(&yaml), "written.yaml", &back, &e)) {
            fprintf(stderr, "%s\n%.*s", err_text(&e), VIEW_ARG(buf_view(&yaml)));
            abort();
        }
        tree_write(&again, back);
        /* JSON may hold a lone surrogate, which is not text: it comes back as U+FFFD. */
        bool lone = memmem(json.ptr, json.len, "\\ud", 3) || memmem(json.ptr, json.len, "\\uD", 3);
        if (!lone && !json_equal(buf_view(&json), buf_view(&again)))
            MUST_EQ(buf_view(&json), buf_view(&again));
    }
    buf_free(&json);
    buf_free(&again);
    buf_free(&yaml);
    err_free(&e);
    arena_free(&a);
}

/* ----------------------------------------------------------------------------------------------------------- editing -- */

static tree *parse_json(arena *a, const char *text)
{
    tree *t = NULL;
    err e = {0};
    MUST(tree_parse(a, view_of(text), NULL, WEIR_E_BUG, &t, &e) == WEIR_OK);
    return t;
}

/* Takes every other binding out of every capture, and adds one with its collection. */
static void check_edit(arena *a, weir_view text, const tree *root)
{
    static const bool keep[16] = {true, false, true, false, true, false, true, false};
    const tree *captures = tree_get(root, "captures");
    for (const tree *c = captures && captures->kind == TREE_OBJECT ? captures->first : NULL; c; c = c->next) {
        const tree *bindings = tree_get(c, "bindings");
        if (bindings && (bindings->kind != TREE_ARRAY || bindings->count > sizeof keep))
            continue;
        catalog_change change = {
            .capture = c->name,
            .bindings = bindings,
            .keep = keep,
            .added = parse_json(a, "[{\"resource\":{\"stream\":\"new\"},\"target\":\"acme/new\"}]"),
            .collections = parse_json(a, "{\"acme/new\":{\"schema\":{\"type\":\"object\"},\"key\":[\"/id\"]}}"),
        };
        buf out = {0};
        catalog_edit(text, &change, &out);
        MUST(buf_ok(&out));
        buf_free(&out);
    }
}

static void check_yaml(weir_view text)
{
    arena a = {0};
    err e = {0};
    tree *root = NULL;
    weir_rc rc = yaml_parse(&a, text, "f.yaml", &root, &e);
    MUST(rc == WEIR_OK || (rc == WEIR_E_CONFIG && view_starts(view_of(err_text(&e)), VIEW("f.yaml:"))));
    if (!rc) {
        check_writing(root);
        check_edit(&a, text, root);
    }
    err_free(&e);
    arena_free(&a);
}

/* ----------------------------------------------------------------------------------------------------------- catalogs -- */

static void check_task(const catalog *c, const task *t)
{
    MUST(t->name.len && t->spec);
    for (size_t i = 0; i < t->binding_count; i++) {
        const collection *k = t->bindings[i].collection;
        MUST(k == catalog_collection(c, k->name));
        MUST(json_check(k->write_schema_json, NULL, NULL) && json_check(k->read_schema_json, NULL, NULL));
        MUST(json_check(k->key_json, NULL, NULL));
    }
}

/* Reads it from standard input: so it lies in no folder, and the files it names are looked for in ours, which is empty. */
static void check_catalog(weir_view text)
{
    static int fd = -1;
    if (fd < 0) {
        fd = memfd_create("catalog", 0);
        MUST(fd >= 0 && dup2(fd, STDIN_FILENO) == STDIN_FILENO);
    }
    MUST(ftruncate(fd, 0) == 0 && pwrite(fd, text.ptr, text.len, 0) == (ssize_t)text.len && lseek(fd, 0, SEEK_SET) == 0);
    catalog c = {0};
    err e = {0};
    weir_rc rc = catalog_read(&c, "-", &e);
    MUST(rc == WEIR_OK || (rc == WEIR_E_CONFIG && *err_text(&e)));
    for (size_t i = 0; !rc && i < c.task_count; i++)
        check_task(&c, &c.tasks[i]);
    err_free(&e);
    catalog_free(&c);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    weir_view text = {(const char *)bytes, len};
    check_yaml(text);
    check_catalog(text);
    return 0;
}
