/* What comes back into the frame other than rows, and the paths of files. */

%typemap(gotype) (const walpool_call *call, walpool_checkpoint_result *out, walpool_error *err) "*Frame"
%typemap(in) (const walpool_call *call, walpool_checkpoint_result *out, walpool_error *err)
    (walpool_call call, char why[WALPOOL_WHY_BYTES])
%{  if (frame_request((frame *)$input, NULL, &call, why) != WALPOOL_OK)
    return 0;
  $1 = &call; $2 = (walpool_checkpoint_result *)frame_room((frame *)$input); $3 = (walpool_error *)$input; %}

%typemap(gotype) (const walpool_call *call, walpool_backup_progress *out, walpool_error *err) "*Frame"
%typemap(in) (const walpool_call *call, walpool_backup_progress *out, walpool_error *err)
    (walpool_call call, char why[WALPOOL_WHY_BYTES])
%{  if (frame_request((frame *)$input, NULL, &call, why) != WALPOOL_OK)
    return 0;
  $1 = &call; $2 = (walpool_backup_progress *)frame_room((frame *)$input); $3 = (walpool_error *)$input; %}

%typemap(gotype) (const char *sql, size_t sql_bytes, const walpool_call *call, walpool_error *err) "*Frame"
%typemap(in) (const char *sql, size_t sql_bytes, const walpool_call *call, walpool_error *err)
    (walpool_statement statement, walpool_call call, char why[WALPOOL_WHY_BYTES])
%{  if (frame_request((frame *)$input, &statement, &call, why) != WALPOOL_OK)
    return 0;
  $1 = (char *)statement.sql; $2 = statement.sql_bytes; $3 = &call; $4 = (walpool_error *)$input; %}
%typemap(freearg) (const char *sql, size_t sql_bytes, const walpool_call *call, walpool_error *err) ""

/* A path stands where the SQL would, with its NUL; the frame is given twice. */
%typemap(gotype) const char *to "*Frame"
%typemap(in) const char *to
    (walpool_statement path, walpool_call ignored, char label[WALPOOL_WHY_BYTES])
%{  if (frame_request((frame *)$input, &path, &ignored, label) != WALPOOL_OK)
    return 0;
  $1 = (char *)path.sql; %}
%typemap(freearg) const char *to "" /* it lies in the frame */
%apply const char *to { const char *from };

%typemap(gotype) (walpool_health *out, walpool_error *err) "*Frame"
%typemap(in) (walpool_health *out, walpool_error *err) %{  $1 = (walpool_health *)frame_room((frame *)$input); $2 = (walpool_error *)$input; %}

%typemap(gotype) (char *dst, size_t capacity, size_t *need, walpool_error *err) "*Frame"
%typemap(in) (char *dst, size_t capacity, size_t *need, walpool_error *err) (size_t need)
%{  need = 0;
  $1 = (char *)frame_room((frame *)$input); $2 = (size_t)((frame *)$input)->rows_bytes;
  $3 = &need; $4 = (walpool_error *)$input; %}
%typemap(argout) (char *dst, size_t capacity, size_t *need, walpool_error *err)
%{  ((frame *)$4)->count = *$3; %}
