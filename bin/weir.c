#include "cli/command.h"
#include "natives.h"

int main(int argc, char **argv) { return cli_main(argc, argv, native_find); }
