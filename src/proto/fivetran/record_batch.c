/* Records and what else goes into an UpdateResponse (fivetran.md 1.2). */
#include "proto/fivetran/record.h"

enum { RECORD = 0x0a, CHECKPOINT = 0x1a, WARNING = 0x22, TASK = 0x2a, RECORDS = 0x32 /* 6, bytes */, LONGEST_HEAD = 11 };

static size_t entry_size(size_t record)
{
    return 1 + pb_varint_size(record) + record;
}

bool ft_batch_fits(const ft_batch *b, size_t size)
{
    return b->count < FT_BATCH_RECORDS && size <= FT_BATCH_BYTES && b->records.len + entry_size(size) <= FT_BATCH_BYTES;
}

/* `TAG LEN bytes` */
static void put_field(buf *out, unsigned tag, weir_view bytes)
{
    if (!buf_reserve(out, LONGEST_HEAD + bytes.len))
        return;
    char *p = out->ptr + out->len;
    *p++ = (char)tag;
    p = pb_put_varint(p, bytes.len);
    if (bytes.len)
        p = (char *)memcpy(p, bytes.ptr, bytes.len) + bytes.len;
    out->len = (size_t)(p - out->ptr);
}

void ft_batch_add(ft_batch *b, weir_view record)
{
    put_field(&b->records, RECORD, record);
    b->count++;
}

void ft_batch_message(ft_batch *b, buf *out)
{
    put_field(out, RECORDS, buf_view(&b->records));
    out->failed |= b->records.failed;
    buf_clear(&b->records);
    b->count = 0;
}

void ft_record_message(weir_view record, buf *out)
{
    put_field(out, RECORD, record);
}

/* `TAG LEN 0a LEN text`: Checkpoint, Warning and Task have one text each, as field 1. */
static void put_text_message(buf *out, unsigned tag, weir_view text)
{
    enum { REPLACED = 3 };
    size_t room = text.len > SIZE_MAX / REPLACED - LONGEST_HEAD ? SIZE_MAX : text.len * REPLACED + LONGEST_HEAD;
    buf clean = {0}, inner = {0};
    if (!buf_reserve(&clean, room)) {
        out->failed = true;
        return;
    }
    clean.len = (size_t)(ft_clean_text(clean.ptr, text) - clean.ptr);
    if (clean.len)
        put_field(&inner, RECORD, buf_view(&clean));
    put_field(out, tag, buf_view(&inner));
    out->failed |= inner.failed;
    buf_free(&clean);
    buf_free(&inner);
}

void ft_checkpoint_message(weir_view state_json, buf *out) { put_text_message(out, CHECKPOINT, state_json); }
void ft_warning_message(weir_view text, buf *out) { put_text_message(out, WARNING, text); }
void ft_task_message(weir_view text, buf *out) { put_text_message(out, TASK, text); }
