/* An Airbyte source, `source-hello`, served as a Fivetran source. */
#include <weir.h>

int main(int argc, char **argv)
{
    return weir_shim_main(&(weir_shim){.from = "airbyte", .as = "fivetran", .command = (const char *const[]){"source-hello", NULL}}, argc, argv);
}
