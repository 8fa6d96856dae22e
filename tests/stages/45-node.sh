# The tests of the Node.js package, on the addon as it is packed.
typescript="typescript@5.9.3 @types/node@20.19.9"

sh packaging/node/build.sh || exit
# shellcheck disable=SC2086 # a list of words
[ -d build/typescript/node_modules/typescript ] ||
    npm install --prefix build/typescript --no-save --no-package-lock --no-audit \
        --no-fund --ignore-scripts $typescript

node --expose-gc --test --test-reporter=tap tests/node/*.test.mjs | tee build/logs/node.tap
awk '/^# pass /{passed=$3} /^# fail /{failed=$3} /^# cancelled /{failed+=$3}
    /^# skipped /{skipped=$3}
    END {printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped}' build/logs/node.tap
