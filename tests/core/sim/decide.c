/* Decide: which way a run goes wherever it could go several.
 *
 * By seed, chance decides. In turn, the search is complete and depth first:
 * each run follows the one before up to the last decision that has another way
 * to go, takes that, and from there the first way everywhere. What makes it end
 * is a bound on costly ways: a thread that could go on is stopped, time passes
 * although somebody could run, a sleep ends for no reason. Defects of this
 * kind need few of those, mostly one or two.
 *
 * Does: choose, and remember how.
 * Must not: know what is chosen.
 * Lock: none, there is one thread. */
#include "decide.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEPTH = 1 << 15 };

struct decision {
    uint8_t chosen, count, spent; /* spent: costly ones before this */
    uint64_t costly;              /* a bit for each option */
};

static struct decision decisions[DEPTH];
static int depth, prefix_depth, bound;
static bool by_seed;
static uint64_t seed, state;

static uint64_t
draw(void)
{
    uint64_t z = state += 0x9E3779B97F4A7C15;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
    return z ^ (z >> 31);
}

void
decide_by_seed(uint64_t number)
{
    by_seed = true;
    seed = number;
    prefix_depth = 0;
}

void
decide_in_turn(int most)
{
    by_seed = false;
    bound = most;
    prefix_depth = 0;
}

void
decide_begin_run(void)
{
    state = seed;
    depth = 0;
}

bool
decide_is_by_seed(void)
{
    return by_seed;
}

unsigned
decide_temper(unsigned below)
{
    return by_seed ? (unsigned)(draw() % below) : 0;
}

/* ---------------------------------------------------------------- choosing */

static int
by_chance(const struct option *options, int count)
{
    uint64_t sum = 0, at;
    int i = 0;
    for (int k = 0; k < count; k++)
        sum += options[k].weight;
    if (sum == 0)
        return 0;
    at = draw() % sum;
    while (at >= options[i].weight)
        at -= options[i++].weight;
    return i;
}

int
decide(const struct option *options, int count)
{
    struct decision *now = &decisions[depth];
    uint64_t costly = 0;
    int chosen = 0, spent = 0;
    if (count == 1)
        return 0;
    if (count > DECIDE_OPTIONS || depth + 1 == DEPTH)
        abort(); /* sim.c ends a run long before */
    for (int i = 0; i < count; i++)
        costly |= (uint64_t)options[i].costs << i;
    if (depth > 0) {
        const struct decision *before = now - 1;
        spent = before->spent + (int)(before->costly >> before->chosen & 1);
    }
    if (by_seed)
        chosen = by_chance(options, count);
    else if (depth < prefix_depth && now->chosen < count)
        chosen = now->chosen;
    *now = (struct decision){(uint8_t)chosen, (uint8_t)count, (uint8_t)spent,
                             costly};
    depth++;
    return chosen;
}

static bool
may_choose(const struct decision *decision, int option)
{
    return option < decision->count &&
           decision->spent + (int)(decision->costly >> option & 1) <= bound;
}

bool
decide_next(void)
{
    while (depth > 0) {
        struct decision *last = &decisions[depth - 1];
        for (int next = last->chosen + 1; next < last->count; next++)
            if (may_choose(last, next)) {
                last->chosen = (uint8_t)next;
                prefix_depth = depth;
                return true;
            }
        depth--;
    }
    return false;
}

/* ------------------------------------------------------------------- lists */

bool
decide_by_list(const char *list)
{
    by_seed = false;
    prefix_depth = 0;
    while (*list != 0 && prefix_depth < DEPTH) {
        char *end;
        unsigned long chosen = strtoul(list, &end, 10);
        if (end == list || chosen >= DECIDE_OPTIONS ||
            (*end != 0 && *end != '.'))
            return false;
        decisions[prefix_depth++].chosen = (uint8_t)chosen;
        list = *end == '.' ? end + 1 : end;
    }
    return *list == 0;
}

void
decide_print(char *text, size_t bytes)
{
    size_t used = 0;
    int end = depth;
    if (by_seed) {
        snprintf(text, bytes, "--seed %llu", (unsigned long long)seed);
        return;
    }
    while (end > 0 && decisions[end - 1].chosen == 0)
        end--;
    used += (size_t)snprintf(text, bytes, "--schedule ");
    for (int i = 0; i < end && used < bytes; i++)
        used += (size_t)snprintf(text + used, bytes - used, "%s%d",
                                 i > 0 ? "." : "", decisions[i].chosen);
    if (end == 0)
        snprintf(text, bytes, "--schedule 0");
}
