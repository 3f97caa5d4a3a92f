/* grpc_api.h - the functions of gRPC's C core that we call, as a table. It comes from one of two places:
 *  - usually from libgrpc.so, which is loaded with the first server or client;
 *  - from the program itself, where lib/grpc_linked.c is linked to it together with gRPC: one executable that needs nothing else.
 * The declarations are those of gRPC's headers, version 1.51.
 */
#ifndef WEIR_NET_GRPC_API_H
#define WEIR_NET_GRPC_API_H

#include <grpc/grpc.h>
#include <grpc/grpc_security.h>
#include <grpc/support/log.h>
#include <grpc/support/time.h>

#include "base/err.h"

#define GRPC_FUNCTIONS(X) \
    X(gpr_inf_future) \
    X(gpr_now) \
    X(gpr_set_log_function) \
    X(gpr_time_add) \
    X(gpr_time_from_millis) \
    X(grpc_byte_buffer_destroy) \
    X(grpc_call_cancel) \
    X(grpc_call_details_init) \
    X(grpc_call_failed_before_recv_message) \
    X(grpc_call_start_batch) \
    X(grpc_call_unref) \
    X(grpc_channel_check_connectivity_state) \
    X(grpc_channel_create) \
    X(grpc_channel_create_call) \
    X(grpc_channel_credentials_release) \
    X(grpc_channel_destroy) \
    X(grpc_channel_reset_connect_backoff) \
    X(grpc_channel_watch_connectivity_state) \
    X(grpc_completion_queue_create_for_next) \
    X(grpc_completion_queue_destroy) \
    X(grpc_completion_queue_next) \
    X(grpc_completion_queue_shutdown) \
    X(grpc_completion_queue_thread_local_cache_flush) \
    X(grpc_completion_queue_thread_local_cache_init) \
    X(grpc_init) \
    X(grpc_insecure_credentials_create) \
    X(grpc_insecure_server_credentials_create) \
    X(grpc_metadata_array_destroy) \
    X(grpc_metadata_array_init) \
    X(grpc_raw_byte_buffer_create) \
    X(grpc_server_add_http2_port) \
    X(grpc_server_cancel_all_calls) \
    X(grpc_server_create) \
    X(grpc_server_credentials_release) \
    X(grpc_server_destroy) \
    X(grpc_server_register_completion_queue) \
    X(grpc_server_request_call) \
    X(grpc_server_shutdown_and_notify) \
    X(grpc_server_start) \
    X(grpc_shutdown_blocking) \
    X(grpc_slice_from_copied_buffer) \
    X(grpc_slice_from_static_string) \
    X(grpc_slice_new_with_user_data) \
    X(grpc_slice_unref) \
    X(grpc_version_string)

#define GRPC_POINTER(name) __typeof__(name) *name;
typedef struct grpc_api {
    GRPC_FUNCTIONS(GRPC_POINTER)
} grpc_api;
#undef GRPC_POINTER

/** Defined by lib/grpc_linked.c, in programs that have gRPC inside. */
extern const grpc_api weir_grpc_linked __attribute__((weak, visibility("default")));

/** @return WEIR_E_CONFIG: gRPC is not installed */
weir_rc grpc_api_load(grpc_api *ret, err *e);

#endif
