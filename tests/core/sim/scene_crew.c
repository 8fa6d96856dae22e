/* Scenes of the crew: two of them under one mutex, as in a queue. Jobs of one
 * lease follow each other, each in the crew that it is for; the others are
 * free. A stop comes when all have ended, or at any time before.
 *
 * Does: what a queue does with its crews, without jobs.
 * Must not: change what it looks at in a crew.
 * Lock: none, there is one real thread. */
#include "scenes.h"

#include <string.h>

#include "roll.h"
#include "sim.h"

#define MS 1000000

enum { CREWS = 2, JOBS = 8, LEASE = 1 };

struct job {
    struct walpool__task task;
    int64_t takes_ns;
    int wants; /* crew */
    bool begun, ended;
};

static struct {
    struct walpool__mutex mutex; /* guards the crews, and the parker's wake */
    struct walpool__crew crews[CREWS];
    struct walpool__parker all_ended;
    struct job jobs[JOBS];
    int count, ended;
    bool refuses_threads, stopped;
} scene;

/* -------------------------------------------------------------------- work */

/* Those of a lease begin when all before them have ended. */
static void
run_job(struct job *job)
{
    SIM_CHECK(!scene.stopped, "a job is carried out after the stop");
    SIM_CHECK(!job->begun, "a job is carried out twice");
    job->begun = true;
    for (struct job *before = scene.jobs; before < job; before++)
        SIM_CHECK(before->task.key != job->task.key || !job->task.key ||
                      before->ended,
                  "a job of a lease begins before the one before it has ended");
    sim_must_hold_none("run");
    sim_nap_ns(job->takes_ns);
    job->ended = true;
}

static void
settle(struct walpool__crew *crew, struct walpool__task *next)
{
    struct walpool__crew *better;
    if (next == NULL)
        return;
    better = &scene.crews[WALPOOL__CONTAINER(next, struct job, task)->wants];
    if (better != crew)
        SIM_CHECK(walpool__crew_hand_over(crew, better, next) ||
                      scene.refuses_threads,
                  "a crew with threads takes no job");
}

static void
work(struct walpool__worker *worker)
{
    struct walpool__wakefd *no_ring = NULL;
    struct walpool__task *task;
    while ((task = walpool__crew_next(worker, &no_ring)) != NULL) {
        walpool__mutex_unlock(&scene.mutex);
        run_job(WALPOOL__CONTAINER(task, struct job, task));
        walpool__mutex_lock(&scene.mutex);
        settle(worker->crew, walpool__crew_end(worker, task));
        scene.ended++;
        walpool__parker_wake(&scene.all_ended);
    }
}

/* -------------------------------------------------------------- handing in */

static struct walpool__crew *
crew_for(const struct job *job)
{
    for (int i = 0; i < CREWS; i++)
        if (walpool__lane_knows(&scene.crews[i].lane, job->task.key))
            return &scene.crews[i];
    return &scene.crews[job->wants];
}

/* False: there is no thread, and none starts. */
static bool
add(struct job *job)
{
    struct walpool__crew *crew;
    bool added, served;
    walpool__mutex_lock(&scene.mutex);
    crew = crew_for(job);
    added = walpool__crew_add(crew, &job->task, &served) == 0;
    SIM_CHECK(added || (scene.refuses_threads && crew->started == 0),
              "a job is refused");
    walpool__mutex_unlock(&scene.mutex);
    return added;
}

static void
wait_for_all(void)
{
    while (scene.ended < scene.count)
        walpool__parker_sleep(&scene.all_ended, SIM_NEVER);
}

static int
count_left(void)
{
    int count = 0;
    for (int i = 0; i < CREWS; i++) {
        struct walpool__lane *lane = &scene.crews[i].lane;
        struct walpool__task *task;
        SIM_CHECK(scene.crews[i].busy == 0, "a thread is busy after the stop");
        while ((task = walpool__lane_take(lane)) != NULL) {
            count++;
            walpool__lane_end(lane, task);
        }
    }
    return count;
}

static void
stop(void)
{
    walpool__mutex_lock(&scene.mutex);
    for (int i = 0; i < CREWS; i++)
        walpool__crew_stop(&scene.crews[i]);
    walpool__mutex_unlock(&scene.mutex);
    for (int i = 0; i < CREWS; i++)
        walpool__crew_join(&scene.crews[i]);
    scene.stopped = true;
}

/* ------------------------------------------------------------------ scenes */

static void
look_at_step(void *unused)
{
    (void)unused;
    walpool__mutex_lock(&scene.mutex);
    for (int i = 0; i < CREWS; i++)
        roll_look_at_step(&scene.crews[i]);
    walpool__mutex_unlock(&scene.mutex);
}

static void
look_when_quiet(void *unused)
{
    (void)unused;
    for (int i = 0; i < CREWS; i++)
        roll_look_when_quiet(&scene.crews[i]);
}

static void
begin(int threads, int failures)
{
    memset(&scene, 0, sizeof scene);
    scene.refuses_threads = failures > 0;
    sim_set_thread_failures(failures);
    walpool__mutex_init(&scene.mutex);
    walpool__parker_init(&scene.all_ended);
    for (int i = 0; i < CREWS; i++) {
        scene.crews[i] = (struct walpool__crew){
            .mutex = &scene.mutex, .thread_name = "crew", .work = work,
            .limit = threads};
        walpool__crew_init(&scene.crews[i]);
    }
    sim_on_step(look_at_step, NULL);
    sim_on_quiet(look_when_quiet, NULL);
}

static void
hand_in(const struct job *wishes)
{
    struct job *job = &scene.jobs[scene.count];
    *job = *wishes;
    if (add(job))
        scene.count++;
}

static void
end(void)
{
    int left;
    stop();
    left = count_left();
    SIM_CHECK(left + scene.ended == scene.count,
              "%d jobs, of which %d were carried out, and %d are left",
              scene.count, scene.ended, left);
    sim_on_step(NULL, NULL);
    sim_on_quiet(NULL, NULL);
    for (int i = 0; i < CREWS; i++)
        walpool__crew_finish(&scene.crews[i]);
    walpool__parker_finish(&scene.all_ended);
    walpool__mutex_finish(&scene.mutex);
}

void
scene_crew_crowd(void)
{
    static const int64_t times[] = {0, 0, 5000, 15000, 300000};
    begin(1 + (int)sim_choose(3), (int)sim_choose(3));
    for (int n = 1 + (int)sim_choose(JOBS); n > 0; n--) {
        hand_in(&(struct job){.task.key = sim_choose(3) ? LEASE : 0,
                              .wants = (int)sim_choose(CREWS),
                              .takes_ns = times[sim_choose(5)]});
        sim_nap_ns(times[sim_choose(5)]);
    }
    if (sim_choose(3) > 0)
        wait_for_all();
    end();
}

/* Small, searched completely: jobs of a lease that go from crew to crew. */
void
scene_crew_hand_over(void)
{
    begin(1, 0);
    for (int i = 0; i < 3; i++)
        hand_in(&(struct job){.task.key = LEASE, .wants = i % CREWS});
    wait_for_all();
    end();
}

/* Small, searched completely: a stop while they do. */
void
scene_crew_stop(void)
{
    begin(1, 0);
    for (int i = 0; i < 2; i++)
        hand_in(&(struct job){.task.key = LEASE, .wants = 1 - i});
    end();
}
