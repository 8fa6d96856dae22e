/* The frame: the memory of one call, as C sees it. internal/raw/frame.go is the
 * same in Go.
 *
 * A wrapper that cannot read its request leaves at once. The error slot tells,
 * so the Go side looks there and not at the result. */
%{
#include <string.h>

#include "walpool.h"

typedef struct frame {
    walpool_error error;
    uint64_t request_bytes; /* the request begins behind this header */
    uint64_t rows_offset;   /* from the start of the frame */
    uint64_t rows_bytes;
    uint64_t count;         /* in: statements of a batch. out: bytes needed */
} frame;

_Static_assert(sizeof(walpool_error) == 512, "frame.go: Error");
_Static_assert(sizeof(frame) == 544, "frame.go: HeaderBytes");
_Static_assert(sizeof(walpool_health) == 70 * 8 + 8 + 48 + 48 + 256, "health.go");
_Static_assert(sizeof(walpool_statement) <= 56 && sizeof(walpool_result) == 32,
               "frame.go: StatementBytes, ResultBytes");
_Static_assert(sizeof(walpool_backup_progress) == 24, "backup.go");

static unsigned char *
frame_room(frame *f)
{
    return (unsigned char *)f + f->rows_offset;
}

static walpool_status
frame_request(frame *f, walpool_statement *statement, walpool_call *call, char *why)
{
    return walpool_request_decode(f + 1, f->request_bytes, statement, call, why,
                                  NULL, &f->error);
}

/* The statements and results of a batch stand before its rows. The call is
 * that of the first request. */
static walpool_status
frame_batch(frame *f, walpool_statement *statements, walpool_call *call, char *why)
{
    const unsigned char *next = (const unsigned char *)(f + 1);
    const unsigned char *end = next + f->request_bytes;
    for (uint64_t i = 0; i < f->count; i++) {
        walpool_call ignored;
        char label[WALPOOL_WHY_BYTES];
        size_t used = 0;
        walpool_status status = walpool_request_decode(
            next, (size_t)(end - next), &statements[i], i ? &ignored : call,
            i ? label : why, &used, &f->error);
        if (status != WALPOOL_OK)
            return status;
        next += used;
    }
    return WALPOOL_OK;
}
%}

%typemap(gotype) walpool_error *err "*Frame"
%typemap(in) walpool_error *err %{ $1 = (walpool_error *)$input; %}

%typemap(gotype) (const walpool_statement *statement, const walpool_call *call, walpool_rows *rows, walpool_error *err) "*Frame"
%typemap(in) (const walpool_statement *statement, const walpool_call *call, walpool_rows *rows, walpool_error *err)
    (walpool_statement statement, walpool_call call, walpool_rows rows, char why[WALPOOL_WHY_BYTES])
%{  if (frame_request((frame *)$input, &statement, &call, why) != WALPOOL_OK)
    return 0;
  walpool_rows_wrap(&rows, frame_room((frame *)$input), ((frame *)$input)->rows_bytes);
  $1 = &statement; $2 = &call; $3 = &rows; $4 = (walpool_error *)$input; %}

%typemap(gotype) (const walpool_call *call, walpool_rows *rows, walpool_error *err) "*Frame"
%typemap(in) (const walpool_call *call, walpool_rows *rows, walpool_error *err)
    (walpool_call call, walpool_rows rows, char why[WALPOOL_WHY_BYTES])
%{  if (frame_request((frame *)$input, NULL, &call, why) != WALPOOL_OK)
    return 0;
  walpool_rows_wrap(&rows, frame_room((frame *)$input), ((frame *)$input)->rows_bytes);
  $1 = &call; $2 = &rows; $3 = (walpool_error *)$input; %}

%typemap(gotype) (const walpool_call *call, walpool_error *err) "*Frame"
%typemap(in) (const walpool_call *call, walpool_error *err) (walpool_call call, char why[WALPOOL_WHY_BYTES])
%{  if (frame_request((frame *)$input, NULL, &call, why) != WALPOOL_OK)
    return 0;
  $1 = &call; $2 = (walpool_error *)$input; %}

%typemap(gotype) (const walpool_statement *statements, size_t count, const walpool_call *call, walpool_result *results, walpool_rows *rows, walpool_error *err) "*Frame"
%typemap(in) (const walpool_statement *statements, size_t count, const walpool_call *call, walpool_result *results, walpool_rows *rows, walpool_error *err)
    (walpool_call call, walpool_rows rows, char why[WALPOOL_WHY_BYTES])
%{  $1 = (walpool_statement *)frame_room((frame *)$input);
  $2 = (size_t)((frame *)$input)->count;
  $4 = (walpool_result *)($1 + $2);
  if (frame_batch((frame *)$input, $1, &call, why) != WALPOOL_OK)
    return 0;
  walpool_rows_wrap(&rows, $4 + $2, ((frame *)$input)->rows_bytes - $2 * (sizeof *$1 + sizeof *$4));
  $3 = &call; $5 = &rows; $6 = (walpool_error *)$input; %}

%typemap(gotype) (const char *name, const walpool_options *options, walpool_error *err) "*Frame"
%typemap(in) (const char *name, const walpool_options *options, walpool_error *err) (walpool_options options)
%{  $1 = (char *)((frame *)$input + 1);
  walpool_options_init(&options);
  if (walpool_options_parse(&options, $1 + strlen($1) + 1, NULL, 0, &((frame *)$input)->error) != WALPOOL_OK)
    return 0;
  $2 = &options; $3 = (walpool_error *)$input; %}
