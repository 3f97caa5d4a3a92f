/* The program materialize-duckdb: weir_main() with a plug-in. */
#include "plugins.h"

int main(int argc, char **argv)
{
    static const char name[] = "materialize-duckdb";
    return weir_main(plugin_find((weir_view){name, sizeof name - 1}), argc, argv);
}
