#!/usr/bin/env python3
"""Writes a defect into a copy of a module, to prove that the explorer finds it.

    mutants.py NAME SOURCE COPY

Each mutant breaks one rule of the module. If its text is gone because the
module was written anew, write the mutant anew, so that it breaks the same rule.
"""

import sys
from pathlib import Path

MUTANTS = {
    # ------------------------------------------------------------- wait queue
    "gives_without_waking": (
        "        wake_oldest(waitq);\n        tell_home(waitq);",
        "        tell_home(waitq);",
    ),
    "lets_barge_for_ever": (
        "           walpool__clock_now() - first->since_ns < window_ns(waitq);",
        "           true;",
    ),
    "grants_and_frees": (
        "first->granted = item;",
        "first->granted = waitq->free[waitq->free_count++] = item;",
    ),
    "stays_in_line_when_late": (
        "    leave_queue(waitq, me);\n    wake_oldest(waitq);",
        "    if (*item)\n        leave_queue(waitq, me);\n    wake_oldest(waitq);",
    ),
    "leaves_the_next_asleep": (
        "    leave_queue(waitq, me);\n    wake_oldest(waitq);",
        "    leave_queue(waitq, me);",
    ),
    "hands_over_and_leaves_the_next_asleep": (
        "wake_oldest(waitq); /* the one woken before will not take what is free */",
        "",
    ),
    "leaves_a_close_asleep": (
        "    wake_oldest(waitq);\n    tell_home(waitq);\n    return true;",
        "    wake_oldest(waitq);\n    return true;",
    ),
    "sleeps_without_deadline": (
        "walpool__parker_sleep(&me.parker, call->deadline_ns);",
        "walpool__parker_sleep(&me.parker, WALPOOL__NEVER);",
    ),
    "sleeps_without_token": (
        "walpool__token_watch(call->token, &sleeper, &me.parker);",
        "walpool__token_watch(NULL, &sleeper, &me.parker);\n"
        "    walpool__list_init(&sleeper.link);",
    ),
    "serves_the_newest": (
        "walpool__list_append(&waitq->waiters, &me.link);",
        "walpool__list_insert(&waitq->waiters, &me.link);",
    ),
    "opens_the_gate_without_waking": (
        "    waitq->held = false;\n    wake_oldest(waitq);",
        "    waitq->held = false;",
    ),
    "forgets_what_is_in_pockets": (
        "        if (item)\n            waitq->free[waitq->free_count++] = item;\n",
        "",
    ),
    "closes_pockets_and_looks_no_more": (
        "    if (close)\n        empty_pockets(waitq);\n",
        "",
    ),
    "asks_before_it_pockets": (
        "    if (LIKELY(!atomic_load(&waitq->pockets->closed)))\n        return;\n"
        "    item = atomic_exchange(pocket, NULL);\n",
        "    item = NULL;\n",
    ),
    "looks_and_takes": (
        "    return atomic_exchange(pocket, NULL);\n",
        "    void *item = atomic_load(pocket);\n"
        "    atomic_store(pocket, NULL);\n    return item;\n",
    ),
    "forgets_who_comes_back_soon": (
        "late && (is_some_lent(waitq) || waitq->waiter_count > 0)",
        "late",
    ),
    # ------------------------------------------------------------------- turn
    "keeps_the_queue_lock": (
        "    else if (turn->state == AWAY && !may_wait)\n"
        "        leave_queue(turn);\n",
        "",
    ),
    "keeps_the_queue_lock_with_the_turn": (
        "    walpool__sidelock_give(fd, WALPOOL__SIDELOCK_QUEUE);\n}",
        "}",
    ),
    "keeps_a_turn_that_nobody_wants": (
        "        turn->state = AWAY;\n"
        "        walpool__sidelock_give(turn->fd, WALPOOL__SIDELOCK_TURN);\n"
        "    }\n}\n\n/* In line",
        "        turn->state = AWAY;\n    }\n}\n\n/* In line",
    ),
    "goes_on_for_ever": (
        "#define STREAK_NS 1000000",
        "#define STREAK_NS (INT64_MAX / 4)",
    ),
    "wakes_who_has_given_up": (
        "    turn->waiting = NULL;\n    if (turn->state == CAME)",
        "    if (turn->state == CAME)",
    ),
    "looks_at_no_line": (
        "    if (is_somebody_in_line(turn))\n        return false;\n",
        "    (void)is_somebody_in_line;\n",
    ),
    "keeps_what_it_has_not": (
        "turn->keeps_none || !turn->streak_ns ||\n        !have_keeper(turn)",
        "turn->keeps_none || !have_keeper(turn)",
    ),
    "looks_after_it_once": (
        "    if (!turn->watching)\n"
        "        walpool__cond_signal(&turn->changed);\n",
        "",
    ),
    "looks_away_for_ever": (
        "    if (!none && turn->state == KEPT) /* the keeper had to look away */\n"
        "        look_after(turn);\n",
        "",
    ),
    "calls_while_none_is_kept": (
        "    while (turn->calling)\n",
        "    while (false)\n",
    ),
    # ------------------------------------------------------------- step ahead
    "lets_a_block_lie": (
        "        ahead->filled++;\n        wake_user(ahead);\n",
        "        ahead->filled++;\n",
    ),
    "rests_while_it_fills": (
        "        ahead->state = WALPOOL__AHEAD_RUNS;\n",
        "        ahead->state = WALPOOL__AHEAD_RESTS;\n",
    ),
    "fills_a_third_block": (
        "    return ahead->filled < WALPOOL__AHEAD_BLOCKS\n",
        "    return ahead->filled <= WALPOOL__AHEAD_BLOCKS\n",
    ),
    "goes_on_where_its_user_must_look": (
        "    while (next == WALPOOL__AHEAD_GOES_ON &&\n",
        "    while (next != WALPOOL__AHEAD_ENDED &&\n",
    ),
    "frees_and_does_not_wait": (
        "    while (ahead->state == WALPOOL__AHEAD_RUNS) {",
        "    while (false) {",
    ),
    "frees_and_does_not_cancel": (
        "    walpool__token_cancel(&ahead->stop);\n",
        "",
    ),
    "carries_out_what_was_withdrawn": (
        "    walpool__lane_remove(&ahead->steppers->crew.lane, &ahead->task);\n"
        "    ahead->state",
        "    ahead->state",
    ),
    "waits_for_what_nobody_has_begun": (
        "    if (ahead->filled == 0)\n        withdraw(ahead);\n"
        "    return ahead->filled > 0 || ahead->state == WALPOOL__AHEAD_RUNS;",
        "    return ahead->filled > 0 || ahead->state != WALPOOL__AHEAD_RESTS;",
    ),
    "waits_for_a_block_without_deadline": (
        "call->waits_only ? WALPOOL__NEVER\n"
        "                                                        "
        ": call->deadline_ns);",
        "WALPOOL__NEVER);",
    ),
    "waits_for_a_block_without_token": (
        "    walpool__token_watch(call->token, &sleeper, &parker);\n",
        "    walpool__token_watch(NULL, &sleeper, &parker);\n"
        "    walpool__list_init(&sleeper.link);\n",
    ),
    "loses_what_has_no_room": (
        "    if (status == WALPOOL_OK && !hand_over(&block->rows, rows)) {\n",
        "    if (status == WALPOOL_OK && !hand_over(&block->rows, rows)) {\n"
        "        ahead->first = (ahead->first + 1) % WALPOOL__AHEAD_BLOCKS;\n"
        "        ahead->filled--;\n",
    ),
    "starts_after_the_stop": (
        " ||\n        ahead->steppers->crew.stopping)",
        ")",
    ),
    "leaves_the_others_uncalled": (
        "    if (crew->lane.ready_count > 0)\n"
        "        (void)call_somebody(crew);",
        "    if (false)\n        (void)call_somebody(crew);",
    ),
    "is_called_for_ever": (
        "    if (walpool__list_is_empty(&worker->idle))\n"
        "        crew->called = false; /* it was this one who was called */\n",
        "",
    ),
    "overlooks_an_offer": (
        "    if (atomic_exchange_explicit(&crew->offered, false, "
        "memory_order_relaxed))\n"
        "        crew->called = false;\n    else\n",
        "    if (!offered)\n",
    ),
    "starts_a_thread_after_the_stop": (
        "    if (crew->called || crew->stopping)\n",
        "    if (crew->called)\n",
    ),
    "hands_over_and_calls_nobody": (
        "    if (call_somebody(to) == 0 || to->started > 0)\n",
        "    if (to->started > 0 || call_somebody(to) == 0)\n",
    ),
    "calls_who_did_not_start": (
        "        if (result != 0)\n            return result;\n"
        "    } else {",
        "        if (result != 0) {\n            crew->called = true;\n"
        "            return result;\n        }\n    } else {",
    ),
    "keeps_the_count_of_what_is_removed": (
        "    lane->ready_count--;\n    return walpool__lane_end(lane, task);",
        "    return walpool__lane_end(lane, task);",
    ),
    "knows_no_head": (
        "        task->key != 0 ? find_head(lane, task->key) : NULL;",
        "        task->key == 0 ? find_head(lane, task->key) : NULL;",
    ),
    "forgets_who_follows": (
        "        move_all(&task->followers, &next->followers);",
        "        walpool__list_init(&task->followers);",
    ),
    # --------------------------------- warm snapshots, for tests/system/stale
    "never_compares": (
        "           walpool__walindex_is(walindex, &warm->began);",
        "           walindex != NULL && warm->doubts >= 0;",
    ),
    "compares_now_and_then": (
        "           walpool__walindex_is(walindex, &warm->began);",
        "           (now_ns - conn->warm_ns < keep_ns / 2 ||\n"
        "            walpool__walindex_is(walindex, &warm->began));",
    ),
    "looks_behind_the_snapshot_only": (
        "    if (!walpool__walindex_is(walindex, &warm->began))\n"
        "        memset(&warm->began, 0, sizeof warm->began);\n",
        "    walpool__walindex_header(walindex, &warm->began);\n",
    ),
    "compares_the_frames_only": (
        "    for (int i = 0; i < HEADER_WORDS; i++)\n        differs |=",
        "    for (int i = MAX_FRAME_WORD; i == MAX_FRAME_WORD; i++)\n        differs |=",
    ),
    # ----------------------------------------------------------------- others
    "keeps_the_turn_when_idle": (
        "        return;\n    give_turn(writer);\n",
        "        return;\n",
    ),
    "gives_a_turn_in_use": (
        "    if (!walpool__waitq_borrow(&writer->queue, writer, &place))\n"
        "        return;\n    give_turn(writer);\n"
        "    walpool__waitq_bring_back(&writer->queue, writer, place);",
        "    (void)place;\n    give_turn(writer);",
    ),
    "keeps_the_turn_when_closed": (
        "    if (home && writer->conn)\n        give_turn(writer);\n",
        "",
    ),
    "ends_what_it_has_not": (
        "    if (!walpool__waitq_borrow(&pool->queue, reader, &place))\n"
        "        return false;\n"
        "    if (reader->conn)\n"
        "        end_snapshot(reader);\n"
        "    walpool__waitq_bring_back(&pool->queue, reader, place);\n",
        "    (void)place;\n    if (reader->conn)\n        end_snapshot(reader);\n",
    ),
    "closes_what_it_has_not": (
        "    if (!walpool__waitq_borrow(&pool->queue, reader, &place))\n"
        "        return false;\n"
        "    idle = reader->conn && free_since(reader, now) + pool->idle_ns <= now;\n"
        "    if (idle)\n"
        "        close_reader(reader);\n"
        "    walpool__waitq_bring_back(&pool->queue, reader, idle ? 0 : place);\n",
        "    (void)place;\n    idle = reader->conn != NULL;\n"
        "    if (idle)\n        close_reader(reader);\n",
    ),
    "closes_what_was_used_meanwhile": (
        "    idle = reader->conn && free_since(reader, now) + pool->idle_ns <= now;\n",
        "    idle = reader->conn != NULL;\n",
    ),
    "closes_the_last": (
        "!is_open(reader) || reader == last ||",
        "!is_open(reader) || (last && !last->conn) ||",
    ),
    "closes_none": (
        "    if (walpool__pool_open_count(pool) > 1) /* without a thread both stay */\n"
        "        walpool__sweeper_arm(&pool->sweeper, call->started_ns + pool->idle_ns);\n",
        "",
    ),
    "sleeps_too_long": (
        "        !walpool__sweeper_arm(&pool->sweeper, now + pool->keep_ns))",
        "        !walpool__sweeper_arm(&pool->sweeper, now + pool->idle_ns))",
    ),
    "lends_what_is_in_doubt": (
        "    if (UNLIKELY(reader->conn->doubtful) && may_close(pool)) {",
        "    if (false) {",
    ),
    "gives_way_for_ever": (
        "    if (gives)\n        atomic_fetch_or(&pool->cold, COLD_FOR_OTHERS);\n"
        "    else\n        atomic_fetch_and(&pool->cold, ~COLD_FOR_OTHERS);\n",
        "    if (gives)\n        atomic_fetch_or(&pool->cold, COLD_FOR_OTHERS);\n",
    ),
    "arms_nobody": (
        "    if (stays(reader) &&\n"
        "        !walpool__sweeper_arm(&pool->sweeper, now + pool->keep_ns))\n"
        "        end_snapshot(reader);",
        "",
    ),
    "lies_down_without_a_last_look": (
        "    look_again_by(sweeper, sweeper->sweep(sweeper->arg));\n",
        "",
    ),
    "loses_a_place": (
        "            walpool__waitq_put(&pool->queue, reader);\n            return",
        "            return",
    ),
}


def main(name, source, copy):
    before, after = MUTANTS[name]
    text = Path(source).read_text()
    if text.count(before) != 1:
        sys.exit(
            f"{source}: the text that {name} replaces is there "
            f"{text.count(before)} times, not once; write this mutant anew in "
            f"{__file__}:\n{before}"
        )
    Path(copy).write_text(text.replace(before, after))


if __name__ == "__main__":
    main(*sys.argv[1:])
