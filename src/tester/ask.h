/* ask.h - a field of a form, asked for on the terminal. */
#ifndef WEIR_TESTER_ASK_H
#define WEIR_TESTER_ASK_H

#include "proto/fivetran/form.h"

/** Asks until the answer is one. Nothing typed leaves *ret, the default; without one (ptr NULL) it is no answer, which is taken of what is not required.
 *  Passwords are not shown. Of an upload the path of the file is asked for, and the answer is its content as base64.
 *  @param stop_fd readable: give up, WEIR_STOPPED; -1: none
 *  @return WEIR_E_CONFIG at the end of input */
weir_rc tester_ask(const ft_field *f, arena *a, int stop_fd, weir_view *ret, err *e);

#endif
