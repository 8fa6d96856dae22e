/* Tokens: cancelling calls from outside.
 *
 * A call that runs looks at the flag; a call that sleeps is woken to look at
 * it. The flag belongs to the token and the token to the call, so a cancel can
 * never strike whatever uses the connection next.
 *
 * Does: hold the flag, wake sleepers.
 * Must not: know what is slept for.
 * Lock: each token's mutex guards its list of sleepers; waking takes none. */
#include "token.h"

#include "error.h"
#include "handle.h"
#include "mem.h"

void
walpool__token_init(struct walpool__token *token)
{
    atomic_init(&token->cancelled, false);
    walpool__mutex_init(&token->mutex);
    walpool__list_init(&token->sleepers);
}

void
walpool__token_finish(struct walpool__token *token)
{
    INVARIANT(walpool__list_is_empty(&token->sleepers));
    walpool__mutex_finish(&token->mutex);
}

void
walpool__token_cancel(struct walpool__token *token)
{
    atomic_store_explicit(&token->cancelled, true, memory_order_release);
    walpool__mutex_lock(&token->mutex);
    for (struct walpool__link *link = token->sleepers.next;
         link != &token->sleepers; link = link->next)
        walpool__parker_wake(
            WALPOOL__CONTAINER(link, struct walpool__sleeper, link)->parker);
    walpool__mutex_unlock(&token->mutex);
}

static void
destroy(void *object)
{
    walpool__token_finish(object);
    walpool__mem_free(object);
}

walpool_token *
walpool_token_open(walpool_error *err)
{
    struct walpool__token *token = walpool__mem_zalloc(sizeof *token);
    void *handle;

    if (!token) {
        walpool__error_nomem(err, "a token");
        return NULL;
    }
    walpool__token_init(token);
    handle = walpool__handle_open(WALPOOL__HANDLE_TOKEN, token, destroy);
    if (!handle) {
        destroy(token);
        walpool__error_nomem(err, "a token");
    }
    return handle;
}

walpool_status
walpool_cancel(walpool_token *handle, walpool_error *err)
{
    walpool_status status;
    struct walpool__token *token =
        walpool__handle_pin(WALPOOL__HANDLE_TOKEN, handle, err, &status);

    if (!token)
        return status;
    walpool__token_cancel(token);
    walpool__handle_unpin(handle);
    return WALPOOL_OK;
}

void
walpool_token_close(walpool_token *handle)
{
    walpool_status status;

    if (!walpool__handle_pin(WALPOOL__HANDLE_TOKEN, handle, NULL, &status))
        return;
    walpool__handle_close(handle);
    walpool__handle_unpin(handle);
}

void
walpool__token_watch(struct walpool__token *token,
                     struct walpool__sleeper *sleeper,
                     struct walpool__parker *parker)
{
    if (!token)
        return;
    sleeper->parker = parker;
    walpool__mutex_lock(&token->mutex);
    walpool__list_append(&token->sleepers, &sleeper->link);
    walpool__mutex_unlock(&token->mutex);
}

void
walpool__token_unwatch(struct walpool__token *token,
                       struct walpool__sleeper *sleeper)
{
    if (!token)
        return;
    walpool__mutex_lock(&token->mutex);
    walpool__list_remove(&sleeper->link);
    walpool__mutex_unlock(&token->mutex);
}
