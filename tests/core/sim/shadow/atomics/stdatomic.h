/* Stands before the system's <stdatomic.h> for the modules under test: each
 * access is a place where another thread may go on. There is one real thread,
 * so the accesses themselves need no order; a weaker order than the code asks
 * for is not looked for. */
#ifndef SIM_STDATOMIC_H
#define SIM_STDATOMIC_H

#include_next <stdatomic.h>

void sim_atomic(memory_order order, const volatile void *object);

#undef atomic_load_explicit
#undef atomic_store_explicit
#undef atomic_exchange_explicit
#undef atomic_fetch_add_explicit
#undef atomic_fetch_sub_explicit
#undef atomic_fetch_or_explicit
#undef atomic_fetch_and_explicit
#undef atomic_compare_exchange_strong_explicit
#undef atomic_compare_exchange_weak_explicit
#undef atomic_load
#undef atomic_store
#undef atomic_exchange
#undef atomic_fetch_add
#undef atomic_fetch_sub
#undef atomic_fetch_or
#undef atomic_fetch_and
#undef atomic_compare_exchange_strong
#undef atomic_compare_exchange_weak

#if defined(__clang__)
#define SIM_BUILTIN(name) __c11_atomic_##name
#define SIM_EXCHANGE __c11_atomic_exchange
#define SIM_SWAP_IF(object, expected, value)                             \
    __c11_atomic_compare_exchange_strong(object, expected, value,        \
                                         __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)
#else
#define SIM_BUILTIN(name) __atomic_##name
#define SIM_EXCHANGE __atomic_exchange_n
#define SIM_SWAP_IF(object, expected, value)                \
    __atomic_compare_exchange_n(object, expected, value, 0, \
                                __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)
#endif

/* One access with a value, at which another thread may go on. */
#define SIM_ACCESS(builtin, object, value, order) \
    (sim_atomic(order, object), builtin(object, value, __ATOMIC_SEQ_CST))

#define atomic_load_explicit(object, order) \
    (sim_atomic(order, object), *(object))
#define atomic_store_explicit(object, value, order) \
    (sim_atomic(order, object), (void)(*(object) = (value)))
#define atomic_exchange_explicit(object, value, order) \
    SIM_ACCESS(SIM_EXCHANGE, object, value, order)
#define atomic_fetch_add_explicit(object, value, order) \
    SIM_ACCESS(SIM_BUILTIN(fetch_add), object, value, order)
#define atomic_fetch_sub_explicit(object, value, order) \
    SIM_ACCESS(SIM_BUILTIN(fetch_sub), object, value, order)
#define atomic_fetch_or_explicit(object, value, order) \
    SIM_ACCESS(SIM_BUILTIN(fetch_or), object, value, order)
#define atomic_fetch_and_explicit(object, value, order) \
    SIM_ACCESS(SIM_BUILTIN(fetch_and), object, value, order)
#define atomic_compare_exchange_strong_explicit(object, expected, value, \
                                                order, otherwise)        \
    (sim_atomic(order, object), SIM_SWAP_IF(object, expected, value))
#define atomic_compare_exchange_weak_explicit \
    atomic_compare_exchange_strong_explicit

#define atomic_load(object) atomic_load_explicit(object, memory_order_seq_cst)
#define atomic_store(object, value) \
    atomic_store_explicit(object, value, memory_order_seq_cst)
#define atomic_exchange(object, value) \
    atomic_exchange_explicit(object, value, memory_order_seq_cst)
#define atomic_fetch_add(object, value) \
    atomic_fetch_add_explicit(object, value, memory_order_seq_cst)
#define atomic_fetch_sub(object, value) \
    atomic_fetch_sub_explicit(object, value, memory_order_seq_cst)
#define atomic_fetch_or(object, value) \
    atomic_fetch_or_explicit(object, value, memory_order_seq_cst)
#define atomic_fetch_and(object, value) \
    atomic_fetch_and_explicit(object, value, memory_order_seq_cst)
#define atomic_compare_exchange_strong(object, expected, value)          \
    atomic_compare_exchange_strong_explicit(object, expected, value,     \
                                            memory_order_seq_cst,        \
                                            memory_order_seq_cst)
#define atomic_compare_exchange_weak atomic_compare_exchange_strong

#endif
