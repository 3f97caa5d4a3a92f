/* Forms on the wire (fivetran.md 1.1). */
#include "proto/fivetran/cold.h"
#include "proto/fivetran/form.h"

typedef FivetranSdk__V2__FormField wire_field;

/* ----------------------------------------------------------------------------------------------------------------- writing -- */

/* An array of pointers to `count` messages, and those behind it. */
static void **messages(arena *a, size_t count, size_t size)
{
    void **pointers = arena_array(a, count, sizeof *pointers);
    char *items = arena_array(a, count, size);
    if (!pointers || !items)
        return NULL;
    for (size_t i = 0; i < count; i++)
        pointers[i] = items + i * size;
    return pointers;
}

#define MESSAGES(a, count, type) ((type **)messages((a), (count), sizeof(type)))

static void put_fields(arena *a, const ft_field *fields, size_t count, size_t *ret_count, wire_field ***ret);

static void put_dropdown(arena *a, const ft_field *f, wire_field *out)
{
    FivetranSdk__V2__DropdownField *m = arena_alloc(a, sizeof *m);
    if (!m)
        return;
    fivetran_sdk__v2__dropdown_field__init(m);
    m->dropdown_field = arena_array(a, f->option_count, sizeof *m->dropdown_field);
    m->n_dropdown_field = m->dropdown_field ? f->option_count : 0;
    for (size_t i = 0; i < m->n_dropdown_field; i++)
        m->dropdown_field[i] = ft_text(a, f->options[i].value);
    out->type_case = FIVETRAN_SDK__V2__FORM_FIELD__TYPE_DROPDOWN_FIELD;
    out->dropdown_field = m;
}

static void put_described(arena *a, const ft_field *f, wire_field *out)
{
    FivetranSdk__V2__DescriptiveDropDownFields *m = arena_alloc(a, sizeof *m);
    if (!m)
        return;
    fivetran_sdk__v2__descriptive_drop_down_fields__init(m);
    m->descriptive_dropdown_field = MESSAGES(a, f->option_count, FivetranSdk__V2__DescriptiveDropDownField);
    m->n_descriptive_dropdown_field = m->descriptive_dropdown_field ? f->option_count : 0;
    for (size_t i = 0; i < m->n_descriptive_dropdown_field; i++) {
        FivetranSdk__V2__DescriptiveDropDownField *o = m->descriptive_dropdown_field[i];
        fivetran_sdk__v2__descriptive_drop_down_field__init(o);
        o->value = ft_text(a, f->options[i].value);
        o->label = ft_text(a, f->options[i].label);
        o->description = ft_text(a, f->options[i].description);
    }
    out->type_case = FIVETRAN_SDK__V2__FORM_FIELD__TYPE_DESCRIPTIVE_DROPDOWN_FIELDS;
    out->descriptive_dropdown_fields = m;
}

static void put_toggle(arena *a, const ft_field *f, wire_field *out)
{
    (void)f;
    out->toggle_field = arena_alloc(a, sizeof *out->toggle_field);
    if (!out->toggle_field)
        return;
    fivetran_sdk__v2__toggle_field__init(out->toggle_field);
    out->type_case = FIVETRAN_SDK__V2__FORM_FIELD__TYPE_TOGGLE_FIELD;
}

static void put_upload(arena *a, const ft_field *f, wire_field *out)
{
    FivetranSdk__V2__UploadField *m = arena_alloc(a, sizeof *m);
    if (!m)
        return;
    fivetran_sdk__v2__upload_field__init(m);
    m->allowed_file_type = arena_array(a, f->file_type_count, sizeof *m->allowed_file_type);
    m->n_allowed_file_type = m->allowed_file_type ? f->file_type_count : 0;
    m->max_file_size_bytes = f->max_bytes;
    for (size_t i = 0; i < m->n_allowed_file_type; i++)
        m->allowed_file_type[i] = ft_text(a, f->file_types[i]);
    out->type_case = FIVETRAN_SDK__V2__FORM_FIELD__TYPE_UPLOAD_FIELD;
    out->upload_field = m;
}

static FivetranSdk__V2__VisibilityCondition *condition(arena *a, const ft_condition *c)
{
    FivetranSdk__V2__VisibilityCondition *m = arena_alloc(a, sizeof *m);
    if (!m)
        return NULL;
    fivetran_sdk__v2__visibility_condition__init(m);
    m->condition_field = ft_text(a, c->field);
    if (c->when == FT_WHEN_TEXT) {
        m->visible_when_case = FIVETRAN_SDK__V2__VISIBILITY_CONDITION__VISIBLE_WHEN_STRING_VALUE;
        m->string_value = ft_text(a, c->text);
    } else if (c->when == FT_WHEN_BOOL) {
        m->visible_when_case = FIVETRAN_SDK__V2__VISIBILITY_CONDITION__VISIBLE_WHEN_BOOL_VALUE;
        m->bool_value = c->truth;
    } else if (c->when == FT_WHEN_EMPTY) {
        m->visible_when_case = FIVETRAN_SDK__V2__VISIBILITY_CONDITION__VISIBLE_WHEN_EMPTY_VALUE;
        m->empty_value = c->truth;
    }
    return m;
}

static void put_group(arena *a, const ft_field *f, wire_field *out)
{
    FivetranSdk__V2__ConditionalFields *m = arena_alloc(a, sizeof *m);
    if (!m)
        return;
    fivetran_sdk__v2__conditional_fields__init(m);
    m->condition = condition(a, &f->condition);
    put_fields(a, f->fields, f->count, &m->n_fields, &m->fields);
    out->type_case = FIVETRAN_SDK__V2__FORM_FIELD__TYPE_CONDITIONAL_FIELDS;
    out->conditional_fields = m;
}

static void put_text(arena *a, const ft_field *f, wire_field *out)
{
    (void)a;
    out->type_case = FIVETRAN_SDK__V2__FORM_FIELD__TYPE_TEXT_FIELD;
    out->text_field = f->ask == FT_ASK_PASSWORD ? FIVETRAN_SDK__V2__TEXT_FIELD__Password
                      : f->ask == FT_ASK_HIDDEN ? FIVETRAN_SDK__V2__TEXT_FIELD__Hidden
                                                : FIVETRAN_SDK__V2__TEXT_FIELD__PlainText;
}

static void put_field(arena *a, const ft_field *f, wire_field *out)
{
    static void (*const puts[])(arena *, const ft_field *, wire_field *) = {
        [FT_ASK_NOTHING] = put_text,     [FT_ASK_TEXT] = put_text,          [FT_ASK_PASSWORD] = put_text, [FT_ASK_HIDDEN] = put_text,
        [FT_ASK_DROPDOWN] = put_dropdown, [FT_ASK_DESCRIBED] = put_described, [FT_ASK_TOGGLE] = put_toggle, [FT_ASK_UPLOAD] = put_upload,
        [FT_ASK_GROUP] = put_group,
    };
    fivetran_sdk__v2__form_field__init(out);
    out->name = ft_text(a, f->name);
    out->label = ft_text(a, f->label);
    if (f->ask != FT_ASK_GROUP) {
        out->_required_case = FIVETRAN_SDK__V2__FORM_FIELD___REQUIRED_REQUIRED;
        out->required = f->required;
    }
    if (f->description.ptr) {
        out->_description_case = FIVETRAN_SDK__V2__FORM_FIELD___DESCRIPTION_DESCRIPTION;
        out->description = ft_text(a, f->description);
    }
    if (f->fallback.ptr) {
        out->_default_value_case = FIVETRAN_SDK__V2__FORM_FIELD___DEFAULT_VALUE_DEFAULT_VALUE;
        out->default_value = ft_text(a, f->fallback);
    }
    if (f->placeholder.ptr) {
        out->_placeholder_case = FIVETRAN_SDK__V2__FORM_FIELD___PLACEHOLDER_PLACEHOLDER;
        out->placeholder = ft_text(a, f->placeholder);
    }
    puts[f->ask](a, f, out);
}

static void put_fields(arena *a, const ft_field *fields, size_t count, size_t *ret_count, wire_field ***ret)
{
    *ret = MESSAGES(a, count, wire_field);
    *ret_count = *ret ? count : 0;
    for (size_t i = 0; i < *ret_count; i++)
        put_field(a, fields + i, (*ret)[i]);
}

bool ft_form_write(arena *a, const ft_form *f, buf *out)
{
    FivetranSdk__V2__ConfigurationFormResponse m = FIVETRAN_SDK__V2__CONFIGURATION_FORM_RESPONSE__INIT;
    m.schema_selection_supported = f->schema_selection;
    m.table_selection_supported = f->table_selection;
    put_fields(a, f->fields, f->count, &m.n_fields, &m.fields);
    m.tests = MESSAGES(a, f->test_count, FivetranSdk__V2__ConfigurationTest);
    m.n_tests = m.tests ? f->test_count : 0;
    for (size_t i = 0; i < m.n_tests; i++) {
        fivetran_sdk__v2__configuration_test__init(m.tests[i]);
        m.tests[i]->name = ft_text(a, f->tests[i].value);
        m.tests[i]->label = ft_text(a, f->tests[i].label);
    }
    if (!a->failed)
        ft_pack(&m.base, out);
    return !a->failed && buf_ok(out);
}

/* ----------------------------------------------------------------------------------------------------------------- reading -- */

static weir_rc take_fields(arena *a, wire_field *const *from, size_t count, ft_field **ret, size_t *ret_count, err *e);

/* Our own memory for `n` things, or the function ends. */
#define TAKE(a, to, n)                                      \
    do {                                                    \
        (to) = arena_array((a), (n), sizeof *(to));         \
        if (!(to))                                          \
            return err_nomem(e);                            \
    } while (0)

static weir_rc take_dropdown(arena *a, const wire_field *from, ft_field *f, err *e)
{
    f->ask = FT_ASK_DROPDOWN;
    f->option_count = from->dropdown_field->n_dropdown_field;
    TAKE(a, f->options, f->option_count);
    for (size_t i = 0; i < f->option_count; i++)
        f->options[i].value = view_of(from->dropdown_field->dropdown_field[i]);
    return WEIR_OK;
}

static weir_rc take_described(arena *a, const wire_field *from, ft_field *f, err *e)
{
    const FivetranSdk__V2__DescriptiveDropDownFields *m = from->descriptive_dropdown_fields;
    f->ask = FT_ASK_DESCRIBED;
    f->option_count = m->n_descriptive_dropdown_field;
    TAKE(a, f->options, f->option_count);
    for (size_t i = 0; i < f->option_count; i++) {
        const FivetranSdk__V2__DescriptiveDropDownField *o = m->descriptive_dropdown_field[i];
        f->options[i] = (ft_option){view_of(o->value), view_of(o->label), view_of(o->description)};
    }
    return WEIR_OK;
}

static weir_rc take_upload(arena *a, const wire_field *from, ft_field *f, err *e)
{
    const FivetranSdk__V2__UploadField *m = from->upload_field;
    f->ask = FT_ASK_UPLOAD;
    f->max_bytes = m->max_file_size_bytes > 0 ? m->max_file_size_bytes : 0;
    f->file_type_count = m->n_allowed_file_type;
    TAKE(a, f->file_types, f->file_type_count);
    for (size_t i = 0; i < f->file_type_count; i++)
        f->file_types[i] = view_of(m->allowed_file_type[i]);
    return WEIR_OK;
}

/* A condition without a member is none: what nobody can decide is asked for. */
static ft_condition taken_condition(const FivetranSdk__V2__VisibilityCondition *m)
{
    ft_condition c = {0};
    if (!m)
        return c;
    c.field = view_of(m->condition_field);
    if (m->visible_when_case == FIVETRAN_SDK__V2__VISIBILITY_CONDITION__VISIBLE_WHEN_STRING_VALUE) {
        c.when = FT_WHEN_TEXT;
        c.text = view_of(m->string_value);
    } else if (m->visible_when_case == FIVETRAN_SDK__V2__VISIBILITY_CONDITION__VISIBLE_WHEN_BOOL_VALUE) {
        c.when = FT_WHEN_BOOL;
        c.truth = m->bool_value;
    } else if (m->visible_when_case == FIVETRAN_SDK__V2__VISIBILITY_CONDITION__VISIBLE_WHEN_EMPTY_VALUE) {
        c.when = FT_WHEN_EMPTY;
        c.truth = m->empty_value;
    }
    return c;
}

static weir_rc take_group(arena *a, const wire_field *from, ft_field *f, err *e)
{
    const FivetranSdk__V2__ConditionalFields *m = from->conditional_fields;
    f->ask = FT_ASK_GROUP;
    f->condition = taken_condition(m->condition);
    return take_fields(a, m->fields, m->n_fields, &f->fields, &f->count, e);
}

static weir_rc take_text(arena *a, const wire_field *from, ft_field *f, err *e)
{
    (void)a;
    (void)e;
    f->ask = from->text_field == FIVETRAN_SDK__V2__TEXT_FIELD__Password ? FT_ASK_PASSWORD
             : from->text_field == FIVETRAN_SDK__V2__TEXT_FIELD__Hidden ? FT_ASK_HIDDEN
                                                                        : FT_ASK_TEXT;
    return WEIR_OK;
}

static weir_rc take_toggle(arena *a, const wire_field *from, ft_field *f, err *e)
{
    (void)a;
    (void)from;
    (void)e;
    f->ask = FT_ASK_TOGGLE;
    return WEIR_OK;
}

static weir_rc take_kind(arena *a, const wire_field *from, ft_field *f, err *e)
{
    static const struct {
        FivetranSdk__V2__FormField__TypeCase kind;
        weir_rc (*take)(arena *, const wire_field *, ft_field *, err *);
    } kinds[] = {
        {FIVETRAN_SDK__V2__FORM_FIELD__TYPE_TEXT_FIELD, take_text},
        {FIVETRAN_SDK__V2__FORM_FIELD__TYPE_DROPDOWN_FIELD, take_dropdown},
        {FIVETRAN_SDK__V2__FORM_FIELD__TYPE_TOGGLE_FIELD, take_toggle},
        {FIVETRAN_SDK__V2__FORM_FIELD__TYPE_CONDITIONAL_FIELDS, take_group},
        {FIVETRAN_SDK__V2__FORM_FIELD__TYPE_UPLOAD_FIELD, take_upload},
        {FIVETRAN_SDK__V2__FORM_FIELD__TYPE_DESCRIPTIVE_DROPDOWN_FIELDS, take_described},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (from->type_case == kinds[i].kind)
            return kinds[i].take(a, from, f, e);
    return WEIR_OK; /* FT_ASK_NOTHING: newer than we are */
}

static weir_rc take_field(arena *a, const wire_field *from, ft_field *f, err *e)
{
    *f = (ft_field){.name = view_of(from->name), .label = view_of(from->label)};
    f->required = from->_required_case == FIVETRAN_SDK__V2__FORM_FIELD___REQUIRED_REQUIRED && from->required;
    if (from->_description_case == FIVETRAN_SDK__V2__FORM_FIELD___DESCRIPTION_DESCRIPTION)
        f->description = view_of(from->description);
    if (from->_default_value_case == FIVETRAN_SDK__V2__FORM_FIELD___DEFAULT_VALUE_DEFAULT_VALUE)
        f->fallback = view_of(from->default_value);
    if (from->_placeholder_case == FIVETRAN_SDK__V2__FORM_FIELD___PLACEHOLDER_PLACEHOLDER)
        f->placeholder = view_of(from->placeholder);
    weir_rc rc = take_kind(a, from, f, e);
    if (!rc && f->ask != FT_ASK_GROUP && !f->name.len)
        rc = err_fail(e, WEIR_E_PROTOCOL, "it has no name");
    return rc;
}

static weir_rc take_fields(arena *a, wire_field *const *from, size_t count, ft_field **ret, size_t *ret_count, err *e)
{
    weir_rc rc = WEIR_OK;
    TAKE(a, *ret, count);
    *ret_count = count;
    for (size_t i = 0; i < count && !rc; i++)
        rc = err_wrap(e, take_field(a, from[i], *ret + i, e), "field %zu", i + 1);
    return rc;
}

weir_rc ft_form_read(arena *a, weir_view bytes, ft_form *ret, err *e)
{
    ProtobufCMessage *message;
    weir_rc rc = ft_unpack(a, &fivetran_sdk__v2__configuration_form_response__descriptor, bytes, &message, e);
    if (rc)
        return rc;
    const FivetranSdk__V2__ConfigurationFormResponse *m = (const FivetranSdk__V2__ConfigurationFormResponse *)message;
    ft_form f = {.schema_selection = m->schema_selection_supported, .table_selection = m->table_selection_supported, .test_count = m->n_tests};
    rc = take_fields(a, m->fields, m->n_fields, &f.fields, &f.count, e);
    if (rc)
        return err_wrap(e, rc, "ConfigurationFormResponse");
    TAKE(a, f.tests, f.test_count);
    for (size_t i = 0; i < f.test_count; i++)
        f.tests[i] = (ft_option){.value = view_of(m->tests[i]->name), .label = view_of(m->tests[i]->label)};
    *ret = f;
    return WEIR_OK;
}

/* ------------------------------------------------------------------------------------------------------------ flat maps -- */

/* The entries of a map of texts: the same in every message. */
typedef FivetranSdk__V2__TestRequest__ConfigurationEntry entry;

ft_flat ft_flat_of(arena *a, void *const *entries, size_t count)
{
    ft_flat f = {arena_array(a, count, sizeof *f.items), count};
    for (size_t i = 0; f.items && i < count; i++) {
        const entry *from = entries[i];
        f.items[i] = (ft_pair){view_of(from->key), view_of(from->value)};
    }
    return f;
}
