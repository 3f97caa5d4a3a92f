/* form.h - setup forms (fivetran.md 1.1, 2.2) and settings. No I/O.
 *
 * A connector has settings: a JSON object with a JSON Schema. A platform of this protocol knows a form: fields whose values come back as one flat map of
 * texts. Both ways are here:
 *
 *     served   schema --ft_plan_new()--> plan --ft_plan_form()--> form --ft_form_write()--> ConfigurationFormResponse
 *              map --ft_plan_settings()--> settings, of any request
 *     driven   ConfigurationFormResponse --ft_form_read()--> form --ft_form_schema()--> schema
 *              settings --ft_plan_flat()--> map, for every request
 *
 * What becomes of what is a table in docs/forms.md.
 */
#ifndef WEIR_PROTO_FIVETRAN_FORM_H
#define WEIR_PROTO_FIVETRAN_FORM_H

#include "base/log.h"
#include "json/tree.h"

/* ---- forms ---- */

/** How a field asks. */
typedef enum ft_ask {
    FT_ASK_NOTHING = 0, /**< of a platform's form: of a kind that we do not know */
    FT_ASK_TEXT,
    FT_ASK_PASSWORD,
    FT_ASK_HIDDEN,
    FT_ASK_DROPDOWN,  /**< values only */
    FT_ASK_DESCRIBED, /**< a dropdown whose values have labels and descriptions */
    FT_ASK_TOGGLE,    /**< "true", "false" */
    FT_ASK_UPLOAD,    /**< the content of a file, as base64 */
    FT_ASK_GROUP      /**< asks nothing: fields that are there while a condition holds */
} ft_ask;

typedef struct ft_option {
    weir_view value, label, description; /* label and description: of FT_ASK_DESCRIBED */
} ft_option;

typedef enum ft_when { FT_WHEN_ALWAYS = 0, FT_WHEN_TEXT, FT_WHEN_BOOL, FT_WHEN_EMPTY } ft_when;

/** The value of another field: a text; true or false; none (`truth`) or any (not `truth`). */
typedef struct ft_condition {
    weir_view field;
    ft_when when;
    weir_view text;
    bool truth;
} ft_condition;

typedef struct ft_field ft_field;
struct ft_field {
    weir_view name, label;                        /* of a group they mean nothing */
    weir_view description, fallback, placeholder; /* ptr NULL: not said */
    ft_ask ask;
    bool required;
    ft_option *options;    /* of dropdowns */
    weir_view *file_types; /* of uploads: ".pem"; none: any */
    size_t option_count, file_type_count;
    int32_t max_bytes;       /* of uploads; 0: not said */
    ft_condition condition;  /* of groups */
    ft_field *fields;        /* of groups */
    size_t count;
};

typedef struct ft_form {
    bool schema_selection, table_selection; /* the platform lets users choose schemas, tables */
    ft_field *fields;
    size_t count;
    ft_option *tests; /* value: the name */
    size_t test_count;
} ft_form;

/** Appends a ConfigurationFormResponse. @return false without memory */
bool ft_form_write(arena *a, const ft_form *f, buf *out);
/** Reads one. WEIR_E_PROTOCOL: bytes that are none, a field without a name, groups in groups without end. Views live in the arena. */
weir_rc ft_form_read(arena *a, weir_view bytes, ft_form *ret, err *e);

/* ---- flat maps ---- */

typedef struct ft_pair {
    weir_view name, value;
} ft_pair;

/** What a request carries as `configuration`. */
typedef struct ft_flat {
    ft_pair *items;
    size_t count;
} ft_flat;

/** The value of a name, the last one if it is there twice (fivetran.md 1.5); ptr NULL: it is not there. */
weir_view ft_flat_get(const ft_flat *f, weir_view name);

/** Makes one of the entries of a message of protobuf-c, whatever message it is: `ft_flat flat = FT_FLAT(a, request, configuration)`. Views borrow from the
 *  message. items NULL and count not 0: no memory. */
#define FT_FLAT(a, message, member) ft_flat_of((a), (void *const *)(message)->member, (message)->n_##member)
ft_flat ft_flat_of(arena *a, void *const *entries, size_t count);

/** The next field, in the order of the form, that is to be asked for with the answers so far: not a group, and inside of groups only where their
 *  conditions hold. A field that has no answer has its fallback; one that is not shown has no value.
 *  @param at where to go on; begins with 0, counts fields, shown or not  @return NULL: no more */
const ft_field *ft_form_visible(const ft_form *f, const ft_flat *answers, size_t *at);
/** Adds what a platform sends of fields that are shown and have no answer: their fallbacks, of a toggle without one "false". Connectors rely on it.
 *  @return false without memory */
bool ft_form_complete(arena *a, const ft_form *f, ft_flat *answers);
/** Is a field of this name shown? */
bool ft_form_shows(const ft_form *f, const ft_flat *answers, weir_view name);

/* ---- schemas and settings ---- */

/** A schema as a form: which field is which setting. */
typedef struct ft_plan ft_plan;

/** WEIR_E_CONFIG: a schema of more than 5000 settings, or 20000 fields for them; WEIR_E_NOMEM. Borrows from the schema and lives in the arena. */
weir_rc ft_plan_new(arena *a, const tree *schema, ft_plan **ret, err *e);
/** Its form: without tests, nothing to be selected. */
const ft_form *ft_plan_form(const ft_plan *p);

/** The plan of a connector: its settings, its tests (by default `connect` and `select`), and, of a source, selection of schemas and tables. Where nothing is known of
 *  the settings (a schema without `properties`, as of a tap that does not tell about itself) one field, `config`, takes them all as JSON, and what a map has beside it
 *  goes along as texts. */
weir_rc ft_plan_of_connector(arena *a, const weir_connector *c, ft_plan **ret, err *e);

/** Calls each() with every secret in a map, whether the value is of any use or not: to be masked before anything is said about them. Where nothing is known of
 *  the settings, all values are. */
void ft_plan_secrets(const ft_plan *p, const ft_flat *flat, void (*each)(void *arg, weir_view secret), void *arg);

/** Appends the settings: a JSON object. An empty text is an absent setting; only of a text that is required or has a default it is the empty text. Fields
 *  that are not shown are left out, as are names that no field has (said in the log, at debug level). Whether all is there that must be is left to
 *  whoever takes the settings.
 *  @return WEIR_E_CONFIG with all problems, a line each, that name the field; secrets are not shown */
weir_rc ft_plan_settings(const ft_plan *p, const ft_flat *flat, log_sink *log, buf *out, err *e);

/** The map of settings: an object that need not fit the schema quite (numbers and objects where texts are expected become their JSON text). Members at
 *  the top that no field has go under their own names: connectors may know more than their form. `_meta` is left out, and null is absent. WEIR_E_CONFIG:
 *  a text with a NUL. */
weir_rc ft_plan_flat(arena *a, const ft_plan *p, const tree *settings, ft_flat *ret, err *e);

/** Appends the JSON Schema of the settings of a connector with this form: an object with a text or boolean for each field, by its name. What is only
 *  asked for under a condition is not required, and has `x-shown-when`. */
void ft_form_schema(const ft_form *f, weir_view title, buf *out);

#endif
