/* A test of a destination: input files of operations, as the platform would send them (fivetran.md 3.2). */
#include "tester/setup.h"
#include "tester/tester.h"

weir_rc tester_destination(const tester_options *o, bool *ret_ok, err *e)
{
    (void)o;
    *ret_ok = false;
    return err_fail(e, WEIR_E_BUG, "not yet");
}
