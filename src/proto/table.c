#include "proto/flow/flow.h"
#include "proto/protocol.h"

const protocol protocols[] = {
    {"flow", flow_serve, flow_drive, flow_drive_free},
    {0},
};

const protocol *protocol_find(weir_view name)
{
    if (!name.len)
        return &protocols[0];
    for (const protocol *p = protocols; p->name; p++)
        if (view_is(name, p->name))
            return p;
    return NULL;
}
