/* Figures: a load runs once for all that is asked about it. A measure is then
 * LOAD.FIGURE, and a figure one double of what the load brought. */
#ifndef BENCH_FIGURES_H
#define BENCH_FIGURES_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "sample.h"

struct figure {
    const char *name;
    size_t offset; /* of the double in an outcome */
};

/* What both sides brought in every repetition. */
struct series {
    const char *load;
    const struct figure *figures;
    size_t figure_count, outcome_bytes;
    int repetitions;
    const void *ours, *peer; /* an outcome for each repetition */
    const char *peer_name, *ours_sqlite, *peer_sqlite;
};

/* The measures that were asked for, up to a NULL. */
static inline bool
is_wanted(char *const *measures, const char *measure)
{
    for (; *measures; measures++)
        if (strcmp(*measures, measure) == 0)
            return true;
    return false;
}

static inline bool
is_load_wanted(char *const *measures, const char *load)
{
    size_t length = strlen(load);
    for (; *measures; measures++)
        if (strncmp(*measures, load, length) == 0 &&
            (*measures)[length] == '.')
            return true;
    return false;
}

static inline void
take_figure(struct side *side, const void *outcomes,
            const struct series *series, const struct figure *figure)
{
    for (int i = 0; i < series->repetitions; i++) {
        const char *outcome =
            (const char *)outcomes + (size_t)i * series->outcome_bytes;
        side->values[i] = *(const double *)(outcome + figure->offset);
    }
}

static inline void
print_wanted(const struct series *series, char *const *measures)
{
    struct side ours = {.name = "ours", .sqlite = series->ours_sqlite};
    struct side peer = {.name = series->peer_name,
                        .sqlite = series->peer_sqlite};
    for (size_t f = 0; f < series->figure_count; f++) {
        const struct figure *figure = &series->figures[f];
        char measure[80];
        snprintf(measure, sizeof measure, "%s.%s", series->load, figure->name);
        if (!is_wanted(measures, measure))
            continue;
        take_figure(&ours, series->ours, series, figure);
        take_figure(&peer, series->peer, series, figure);
        print_measure(measure, &ours, &peer, series->repetitions);
    }
}

#endif
