/* drive_loading.h - the inside of a driven destination: tables as we want them, rows on their way into batch files, requests. */
#ifndef WEIR_PROTO_FIVETRAN_DRIVE_LOADING_H
#define WEIR_PROTO_FIVETRAN_DRIVE_LOADING_H

#include "proto/fivetran/batch_write.h"
#include "proto/fivetran/drive.h"
#include "proto/papers.h"

#define FT_SYNCED "_fivetran_synced"
#define FT_DELETED "_fivetran_deleted"
#define FT_ID "_fivetran_id"

/** Files of a WriteBatch, by their fields' order. */
typedef enum ft_file_kind { FT_REPLACE, FT_CHANGE, FT_REMOVE, FT_FILE_KINDS } ft_file_kind;

typedef struct ft_written { /* a file that is complete */
    weir_view path;
    unsigned char key[FT_KEY_BYTES];
} ft_written;

/** A binding's table. */
typedef struct ft_target {
    arena arena;         /* of names */
    ft_table t;          /* as we want it: the binding's columns in their order, then ours */
    size_t given;        /* how many are the binding's */
    weir_view *above;    /* by column: pointer to the top-level member that it is inside of; empty: it is one */
    bool soft, delta;
    bool has_document;   /* one of the columns is the whole document */
    size_t synced, deleted, id; /* our columns; SIZE_MAX: none */
    weir_view key_of;    /* what all this was made from: the binding's state key */
    ft_batch_file *files[FT_FILE_KINDS];
    const char *paths[FT_FILE_KINDS];
    buf written[FT_FILE_KINDS]; /* arrays of ft_written */
    ft_cell *cells;
} ft_target;

typedef struct ft_loading {
    ft_target **targets; /* by index of the binding; NULL: not known yet */
    size_t count;
    papers papers;       /* the private folder of batch files */
    arena paths;         /* until the commit */
    uint64_t files;      /* made so far, for their names */
    char null_string[48], unmodified_string[48];
    ft_batch_options options;
    int64_t now_ms;      /* the newest _fivetran_synced; later ones are not smaller */
    char now[40];        /* the same as text */
    buf text;            /* of the cells of a row */
    bool asked;          /* Capabilities */
} ft_loading;

/** The column of this name; many destinations do not tell capital letters from small ones, so neither do we. NULL: none. */
const ft_column *ft_target_column(const ft_table *t, weir_view name);
/** What a binding is as a table. @return NULL with *e */
ft_target *ft_target_make(const weir_binding *b, err *e);
/** Removes what it had begun to write. Accepts NULL. */
void ft_target_free(ft_target *x);
/** Writes a row into one of the table's files. */
weir_rc ft_target_row(ft_loading *l, ft_target *x, const weir_row *row, err *e);
/** Completes the files that are open. */
weir_rc ft_target_close(ft_target *x, err *e);
/** Time goes on, by a millisecond at least where `strictly`. */
void ft_loading_tick(ft_loading *l, bool strictly);

#endif
