/* Typemaps for the structs that the core fills in: they come back as tuples,
 * texts by health.c. walpool/_types.py gives them names. */

%typemap(in, numinputs=0) walpool_version_info *out (walpool_version_info out) {
    $1 = &out;
}
%typemap(argout) walpool_version_info *out {
    Py_SETREF($result, Py_BuildValue("(sssiii)", $1->walpool, $1->sqlite,
                                     $1->sqlite_source_id, $1->sqlite_number,
                                     $1->sqlite_bundled, $1->wal_reset_safe));
}
%typemap(in, numinputs=0) walpool_checkpoint_result *out
                          (walpool_checkpoint_result out) {
    $1 = &out;
}
%typemap(argout) walpool_checkpoint_result *out {
    if ($result)
        Py_SETREF($result,
                  Py_BuildValue("(iiiiLis)", $1->outcome, $1->busy,
                                $1->log_frames, $1->checkpointed_frames,
                                (long long)$1->pinned_pid, $1->pinned_frame,
                                $1->pinned_why));
}
%typemap(in, numinputs=0) walpool_backup_progress *out
                          (walpool_backup_progress out) {
    $1 = &out;
}
%typemap(argout) walpool_backup_progress *out {
    if ($result)
        Py_SETREF($result, Py_BuildValue("(iiLL)", $1->phase, $1->page_size,
                                         (long long)$1->pages,
                                         (long long)$1->copied));
}
