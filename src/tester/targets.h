/* targets.h - the tables of a destination under test, as input files make them, with the platform's own columns (fivetran.md 2.4):
 *
 *     _fivetran_synced UTC_DATETIME                            always
 *     _fivetran_deleted BOOLEAN                                without history
 *     _fivetran_id STRING, key                                 without a key
 *     _fivetran_start (key), _fivetran_end, _fivetran_active   with history
 */
#ifndef WEIR_TESTER_TARGETS_H
#define WEIR_TESTER_TARGETS_H

#include "json/tree.h"
#include "proto/fivetran/cold.h"
#include "proto/fivetran/types.h"

#define TARGET_SYNCED "_fivetran_synced"
#define TARGET_DELETED "_fivetran_deleted"
#define TARGET_ID "_fivetran_id"
#define TARGET_START "_fivetran_start"
#define TARGET_END "_fivetran_end"
#define TARGET_ACTIVE "_fivetran_active"

typedef struct tester_target_table {
    ft_table table;
    bool history;
} tester_target_table;

/** Reads a table of create_table or alter_table: {"columns": {NAME: TYPE | {"type", "precision", "scale", "string_byte_length"}}, "primary_key": [...],
 *  "history_mode": bool}. The member's name is the table's. WEIR_E_CONFIG names the place. */
weir_rc tester_target_read(arena *a, const tree *member, tester_target_table *ret, err *e);
/** Reads what the object says of a column's type: precision and scale of a DECIMAL, string_byte_length of a STRING. */
weir_rc tester_target_params(const tree *t, ft_column *c, err *e);
/** Of a description. */
weir_rc tester_target_described(arena *a, const FivetranSdk__V2__Table *from, tester_target_table *ret, err *e);
/** As a message. NULL without memory. */
FivetranSdk__V2__Table *tester_target_message(arena *a, const ft_table *t);
/** The column of that name; NULL: none. */
ft_column *tester_target_column(const ft_table *t, weir_view name);
/** A column more. @return false without memory */
bool tester_target_add(arena *a, ft_table *t, ft_column c);
/** "file:line:column: ..." with WEIR_E_CONFIG. */
weir_rc tester_input_wrong(tree_mark mark, err *e, const char *fmt, ...) WEIR_PRINTF(3, 4);

#endif
