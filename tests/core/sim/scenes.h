/* Scenes: what the explorer runs. Those of a first kind are large and run by
 * seed, those of a second kind are small and are searched completely. */
#ifndef SCENES_H
#define SCENES_H

void scene_waitq_crowd(void);
void scene_waitq_bound(void);
void scene_waitq_line(void);
void scene_waitq_two_things(void);
void scene_waitq_cancel(void);
void scene_waitq_close(void);
void scene_waitq_gate(void);
void scene_waitq_gate_close(void);
void scene_waitq_early_ends(void);

void scene_turn_crowd(void);
void scene_turn_bound(void);
void scene_turn_two(void);
void scene_turn_give_up(void);
void scene_turn_cancel(void);
void scene_turn_close(void);
void scene_turn_close_in_vain(void);
void scene_turn_crash(void);
void scene_turn_no_keeper(void);

void scene_pool_crowd(void);
void scene_pool_open_fails(void);
void scene_pool_warm(void);
void scene_pool_warm_again(void);
void scene_pool_warm_commit(void);
void scene_pool_idle_crowd(void);
void scene_pool_idle_again(void);
void scene_pool_idle_close(void);

void scene_writer_crowd(void);
void scene_writer_bound(void);
void scene_writer_kept_turn(void);
void scene_writer_kept_turn_hasty(void);
void scene_writer_kept_turn_cancel(void);
void scene_writer_kept_turn_close(void);
void scene_writer_late_keeper(void);

void scene_crew_crowd(void);
void scene_crew_hand_over(void);
void scene_crew_stop(void);

void scene_ahead_crowd(void);
void scene_ahead_free(void);
void scene_ahead_two_results(void);
void scene_ahead_no_thread_is_free(void);
void scene_ahead_deadline(void);
void scene_ahead_cancel(void);
void scene_ahead_stop(void);
void scene_ahead_no_thread_starts(void);

#endif
