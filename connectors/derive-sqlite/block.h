/* block.h - a block of SQL, taken apart into its statements (flow.md 4.5). */
#ifndef DSQL_BLOCK_H
#define DSQL_BLOCK_H

#include "error.h"

typedef struct dsql_block {
    char *at, *end; /* what is left; *end is NUL */
    char *begin;    /* allocated */
    size_t line;    /* at which `at` stands, from 1 */
} dsql_block;

/** A statement with its semicolon and what stands before it: blanks, comments. Within the block. */
typedef struct dsql_statement {
    weir_view sql; /* empty: there are no more */
    size_t line;   /* of its first character that is no blank */
} dsql_statement;

/** Takes a copy. A NUL character is refused. */
weir_rc dsql_block_open(dsql_block *b, weir_view sql, dsql_error *e);
/** Blank statements are left out. Text behind the last semicolon is refused. */
weir_rc dsql_block_next(dsql_block *b, dsql_statement *ret, dsql_error *e);
void dsql_block_close(dsql_block *b);

/** The line of a byte in a text whose first line has this number. */
size_t dsql_line(weir_view text, size_t offset, size_t first);

/** Is it no SQL but the name of a file that is not there yet? (flow.md 4.5: such are to be generated) */
bool dsql_is_file(weir_view block);

#endif
