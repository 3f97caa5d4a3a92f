/* setup.h - what both testers begin with: the connector's form, a configuration for it, and its own tests. */
#ifndef WEIR_TESTER_SETUP_H
#define WEIR_TESTER_SETUP_H

#include "proto/fivetran/form.h"
#include "tester/peer.h"

typedef struct tester_setup {
    arena arena;
    ft_form form;
    ft_flat flat;    /* the configuration */
    const char *path; /* of configuration.json */
} tester_setup;

typedef struct tester_setup_options {
    const char *data;          /* folder */
    const char *configuration; /* file; NULL: configuration.json in the folder */
    bool ask;                  /* on the terminal, for what the file does not have */
    int stop_fd;               /* readable: stop asking; -1: none */
} tester_setup_options;

/** Asks for the form, looks for faults in it, and takes the configuration: a flat JSON object of texts from the file, answers from the terminal for what is shown
 *  and has none there. New answers are written back, for the owner's eyes only. Secrets are masked from then on. */
weir_rc tester_setup_read(tester_setup *s, tester_peer *p, const tester_setup_options *o, report *r, err *e);
/** Runs each test that the form declares; stops at the first that fails. */
weir_rc tester_setup_test(const tester_setup *s, tester_peer *p, report *r, err *e);
void tester_setup_free(tester_setup *s);

/** Fills the map of a request: TYPE is the entry's type of protobuf-c, INIT its initialiser. Needs arena *a; entries are NULL without memory. */
#define TESTER_CONFIGURATION(a, s, request, TYPE, INIT)                                                                                                        \
    do {                                                                                                                                                       \
        (request)->n_configuration = (s)->flat.count;                                                                                                          \
        (request)->configuration = arena_array((a), (s)->flat.count + 1, sizeof(TYPE *));                                                                      \
        for (size_t i_ = 0; (request)->configuration && i_ < (s)->flat.count; i_++) {                                                                          \
            TYPE *entry_ = arena_alloc((a), sizeof *entry_);                                                                                                   \
            if (!entry_)                                                                                                                                       \
                break;                                                                                                                                         \
            *entry_ = (TYPE)INIT;                                                                                                                              \
            entry_->key = ft_text((a), (s)->flat.items[i_].name);                                                                                              \
            entry_->value = ft_text((a), (s)->flat.items[i_].value);                                                                                           \
            (request)->configuration[i_] = entry_;                                                                                                             \
        }                                                                                                                                                      \
    } while (0)

#endif
