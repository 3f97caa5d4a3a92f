/* stage.h - files that are written out of sight, and moved into sight once the platform has made durable that they belong there.
 *
 *     PATH/.weir-staged/TASK/             files as they are written, a lock
 *     PATH/orders/2024-01-01/....csv      where they are moved to
 *
 *     store()        files grow in the staging folder
 *     commit()       they are fsynced, their folder too; the state lists each with its place: durable with the platform's checkpoint
 *     acknowledge()  each is moved there, the folders are fsynced, and the list is taken out of the state
 *
 * acknowledge() is also the first thing of every session: what is listed is moved, unless that was done; what is not listed was never committed and is removed.
 * A file that was moved and then taken away by a reader does not come back: moving is all that is ever done to it.
 */
#ifndef FILES_STAGE_H
#define FILES_STAGE_H

#include <weir.h>

typedef struct stage stage;

/** Opens nothing yet. @param root folder for everything; copied @param task copied; empty: a platform that keeps neither position nor state */
weir_rc stage_new(weir_task *t, stage **ret, const char *root, weir_view task);
void stage_free(stage *s);
/** Takes the lock; moves what the state lists, removes what it does not, once a session. */
weir_rc stage_begin(weir_task *t, stage *s);
/** A path for a new file, to be freed, and its name in the staging folder. */
weir_rc stage_path(weir_task *t, stage *s, const char *extension, char **ret_path);
/** The file is finished: it shall be moved to `place`, below the root. */
weir_rc stage_finished(weir_task *t, stage *s, const char *path, const char *place);
/** Its folder is durable, and the list is in the state. @param more members of the state, `"a":1,"b":2`; may be empty */
weir_rc stage_commit(weir_task *t, stage *s, weir_view more);
/** Moves what is listed. */
weir_rc stage_publish(weir_task *t, stage *s);
/** Why a file cannot have this place; NULL: it can. */
const char *stage_refused(const char *place);
/** Makes 16 hexadecimal digits that nobody else makes. */
void stage_id(char out[17]);

#endif
