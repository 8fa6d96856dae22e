# Counts the results of `go test -v`, and of scripts that print the same lines:
# tests without subtests, and subtests. Give -v status=N of the command. A crash
# or a build that failed is one failure. Closes with `N passed, N failed, N skipped`.
{ print }
$1 == "---" && $2 ~ /^(PASS|FAIL|SKIP):$/ {
    result[$3] = substr($2, 1, 4)
    name = $3
    while (sub("/[^/]*$", "", name)) parent[name] = 1
}
END {
    for (name in result)
        if (!(name in parent)) count[result[name]]++
    if (status != 0 && !count["FAIL"]) count["FAIL"] = 1
    printf "%d passed, %d failed, %d skipped\n", count["PASS"], count["FAIL"], count["SKIP"]
}
