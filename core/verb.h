/* Verb: what a text does to the transaction, where no connection is at hand. */
#ifndef WALPOOL_VERB_H
#define WALPOOL_VERB_H

#include "conn.h"

/* NONE also for what is no single statement, or none that SQLite knows. */
enum walpool__verb walpool__verb_of(const walpool_statement *statement,
                                    struct walpool__stats *stats);

#endif
