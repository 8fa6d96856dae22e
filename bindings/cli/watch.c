/* Watch: what happens to a database between two ticks, as seen from outside.
 *
 * The wal-index counts commits. Frames are counted from the beginning of the
 * WAL, which starts anew now and then: what came between the last look and that
 * moment is not seen, so looks follow each other closely.
 *
 * Does: sum up, remember.
 * Must not: look at files or a clock: the same looks give the same numbers.
 * Lock: none. */
#include "watch.h"

#include <string.h>

static bool
can_tell(const struct cli_index *index)
{
    return index->whole && index->known && index->settled;
}

void
cli_watch_begin(struct cli_watch *watch)
{
    watch->commits = watch->frames = 0;
    watch->known = can_tell(&watch->newest);
}

/* A recovery counts anew: what is a long way back, or ahead, is none. */
static bool
goes_on(uint32_t before, uint32_t now)
{
    return now - before < UINT32_C(0x80000000);
}

void
cli_watch_index(struct cli_watch *watch, const struct cli_index *index)
{
    const struct cli_index *before = &watch->newest;

    if (index->whole && !index->settled)
        return; /* the next look will tell */
    if (!can_tell(before) || !can_tell(index) ||
        !goes_on(before->commits, index->commits)) {
        watch->known = false;
    } else {
        bool anew = index->frames < before->frames;

        watch->commits += (int64_t)(index->commits - before->commits);
        watch->frames += anew ? (int64_t)index->frames
                              : (int64_t)(index->frames - before->frames);
    }
    watch->newest = *index;
}

static int64_t
seen_since(const struct cli_pin *pins, int count, int64_t pid, uint32_t frame,
           int64_t now_ms)
{
    for (int i = 0; i < count; i++)
        if (pins[i].pid == pid && pins[i].frame == frame)
            return pins[i].seen_ms;
    return now_ms;
}

static void
add_slot(struct cli_watch *watch, const struct cli_look *look, int slot,
         const struct cli_pin *before, int before_count, int64_t now_ms)
{
    const struct cli_holders *holders = &look->readers[slot];
    uint32_t frame = slot == 0 ? 0 : look->index.marks[slot];

    if (holders->alone) /* it is being changed */
        return;
    for (int i = 0; i < holders->count && i < CLI_HOLDERS_MAX; i++) {
        int64_t pid = holders->pids[i];

        if (watch->pin_count == CLI_PINS_MAX)
            return;
        watch->pins[watch->pin_count++] = (struct cli_pin){
            pid, frame, seen_since(before, before_count, pid, frame, now_ms)};
    }
}

void
cli_watch_pins(struct cli_watch *watch, const struct cli_look *look,
               int64_t now_ms)
{
    struct cli_pin before[CLI_PINS_MAX];
    int count = watch->pin_count;

    memcpy(before, watch->pins, sizeof before);
    watch->pin_count = 0;
    for (int slot = 0; slot < CLI_MARKS; slot++)
        add_slot(watch, look, slot, before, count, now_ms);
}
