/* Run: one schedule of one scene, from its beginning to its end. */
#ifndef RUN_H
#define RUN_H

#include <stdbool.h>
#include <stdint.h>

/* Run the scene as decide.h was told to. NULL: all went well; otherwise what
 * went wrong, until the next run. With `traced`, each step is printed. */
const char *run_scene(void (*scene)(void), bool traced);

/* What the newest run did, as a number, and in how many steps. */
uint64_t run_print(void);
int run_steps(void);

/* Take part in each run: begin anew, forget a process that crashed, and, at
 * the end, say what was left behind (NULL: nothing). */
struct run_part {
    void (*begin)(void);
    void (*forget_thread)(int thread);
    void (*forget_process)(int process);
    const char *(*end)(void);
};

extern const struct run_part sim_memory_part, sim_kernel_part,
    sim_below_part;

#endif
