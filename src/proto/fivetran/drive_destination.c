#include "proto/fivetran/drive.h"

const weir_materialize ft_driven_materialize = {0};
void ft_loading_free(struct ft_loading *l) { (void)l; }
