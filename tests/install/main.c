#include <weir.h>
extern const weir_connector source_hello;
int main(int argc, char **argv) { return weir_main(&source_hello, argc, argv); }
