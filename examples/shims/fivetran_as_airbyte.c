/* A Fivetran source, `source-hello`, served as an Airbyte source. */
#include <weir.h>

int main(int argc, char **argv)
{
    return weir_shim_main(&(weir_shim){.from = "fivetran", .as = "airbyte", .command = (const char *const[]){"source-hello", NULL}}, argc, argv);
}
